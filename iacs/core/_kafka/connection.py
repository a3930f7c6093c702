"""The connection settings that publishing and reading share, and the errors of a connection."""

import asyncio
import logging
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from iacs.core._kafka.brokers import HopelessError, connect_brokers
from iacs.core._kafka.driver import DriverError
from iacs.core._kafka.oauth_token import TokenProvider
from iacs.core._kafka.settings import ConnectionSettings
from iacs.core._kafka.tls import tls_context
from iacs.core._kafka.transports import DIRECT
from iacs.core.exceptions import KafkaError
from iacs.redaction import redact_foreign

T = TypeVar("T")

_PORT = 9092  # kafka-python's, where an address names none
CHECK_BROKERS = "check that the brokers run and that KAFKA_BOOTSTRAP_SERVERS names them"


class KafkaConnection(ConnectionSettings):
    """Connects the driver with these settings."""

    @property
    def timeout_ms(self) -> int:
        """The timeout in milliseconds."""
        return max(1, int(self.timeout * 1000))

    @property
    def driver_timeout_ms(self) -> int:
        """A little less than the timeout, so that the caller still receives the driver's reason."""
        return max(2, self.timeout_ms * 9 // 10)

    def options(self, loop: AbstractEventLoop | None = None) -> dict[str, Any]:
        """Return kafka-python's options; an async function for tokens runs in `loop`. Raises KafkaError."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "bootstrap_timeout_ms": self.driver_timeout_ms,
            "security_protocol": self.security_protocol,
            "reconnect_backoff_max_ms": 1000,  # by default a broker that is back is not tried for up to 30 s
            "proxy_url": f"{DIRECT}://",
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = tls_context(
                cafile=self.ssl_cafile,
                certfile=self.ssl_certfile,
                keyfile=self.ssl_keyfile,
                key_password=self.ssl_key_password,
            )
        return options | (self._sasl(loop) if self.security_protocol.startswith("SASL") else {})

    def connect(
        self, driver: Callable[..., Any], *, loop: AbstractEventLoop | None = None, **options: Any
    ) -> Any:
        """Make a producer or consumer, which connects at once; raise KafkaError when it cannot."""
        self._check()
        quiet_kafka_python()
        clients: list[Any] = []

        def client(**arguments: Any) -> Any:
            clients.append(connect_brokers(self, **arguments))
            return clients[0]

        try:
            connected = driver(**self.options(loop), **options, kafka_client=client)
        except (DriverError, OSError, ValueError) as error:
            for half_made in clients:  # the driver itself does not close it
                half_made.close()
            raise self.no_answer("Kafka cannot be reached", error) from error
        for made in clients:
            made._manager.is_starting = False
        self.failures.clear()
        return connected

    async def check_reachable(self) -> None:
        """Return when one of the servers accepts a connection; raise KafkaError when none does.

        kafka-python goes on trying for the whole timeout, in a thread that nothing can interrupt.
        """
        self._check()
        cause: Exception | None = None
        async with _tasks(map(_connect, self.bootstrap_servers)) as attempts:
            for attempt in asyncio.as_completed(attempts):
                try:
                    return await attempt
                except (OSError, ValueError) as error:
                    cause = error
        raise self.no_answer("Kafka cannot be reached", cause) from cause

    def error(self, what: str, cause: BaseException | None = None, *, hint: str = "") -> KafkaError:
        """Return a KafkaError that says what failed, at which servers, and the cause."""
        text = "" if cause is None else str(cause) or type(cause).__name__
        return self._error(what, redact_foreign(text, self.secrets()), hint)

    def no_answer(self, what: str, cause: BaseException | None = None) -> KafkaError:
        """Return the error for brokers that do not answer, with the reason why connections fail at present."""
        failures = sorted(self.failures.copy().values(), key=lambda failure: not failure.hint)
        if not failures:
            return self.error(what, cause, hint=CHECK_BROKERS)
        if isinstance(cause, HopelessError):
            what = "connecting to Kafka failed"
        return self._error(what, failures[0].message, failures[0].hint or CHECK_BROKERS)

    def _error(self, what: str, reason: str, hint: str) -> KafkaError:
        text = f"{what} ({', '.join(self.bootstrap_servers)}){f': {reason}' if reason else ''}"
        return KafkaError(text, servers=self.bootstrap_servers, hint=hint)

    def _sasl(self, loop: AbstractEventLoop | None) -> dict[str, Any]:
        if self.sasl_mechanism == "OAUTHBEARER":
            if self.oauth_token is None:
                raise KafkaError(
                    "KAFKA_SASL_MECHANISM=OAUTHBEARER needs a function that returns an access token",
                    hint="pass it to KafkaClient as oauth_token, or override core.kafka_oauth_token",
                )
            provider = TokenProvider(self.oauth_token, loop, timeout=self.timeout, sent=self.tokens_sent)
            return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": provider}
        return {
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password.get_secret_value() if self.sasl_password else "",
        }

    def _check(self) -> None:
        if not self.bootstrap_servers:
            raise KafkaError(
                "Kafka is not configured", hint="set KAFKA_BOOTSTRAP_SERVERS (host:port, comma-separated)"
            )


async def _connect(server: str) -> None:
    address = urlsplit(f"//{server}")
    _, writer = await asyncio.open_connection(address.hostname, address.port or _PORT)
    writer.close()


@asynccontextmanager
async def _tasks(work: Iterable[Coroutine[Any, Any, T]]) -> AsyncIterator[list[asyncio.Task[T]]]:
    """Run coroutines side by side; those still running at the end are cancelled."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def quiet_kafka_python() -> None:
    """Let kafka-python log nothing unless the application has set a level for it.

    While a broker is unreachable it writes a line or more for each attempt to reconnect; what matters is raised
    as KafkaError, or logged by iacs.
    """
    logger = logging.getLogger("kafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def servers(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses, none where Kafka is not used; raise KafkaError for a bare string."""
    if isinstance(addresses, str):
        raise KafkaError("bootstrap_servers is text", hint="pass a list of host:port")
    return tuple(addresses)
