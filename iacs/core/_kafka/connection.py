"""The connection settings that publishing and reading share, and the errors of a connection."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from iacs.core._kafka.driver import DIRECT, DriverError, KafkaNetClient
from iacs.core.exceptions import KafkaError

T = TypeVar("T")

_PORT = 9092  # kafka-python's, where an address names none
CHECK_BROKERS = "check that the brokers run and that KAFKA_BOOTSTRAP_SERVERS names them"


@dataclass(frozen=True, kw_only=True)
class KafkaConnection:
    """The settings for connecting to the brokers; `timeout` is in seconds."""

    bootstrap_servers: tuple[str, ...]
    timeout: float
    security_protocol: str = "PLAINTEXT"
    ssl_cafile: Path | None = None
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr | None = field(default=None, repr=False)

    @property
    def timeout_ms(self) -> int:
        """The timeout in milliseconds."""
        return max(1, int(self.timeout * 1000))

    @property
    def driver_timeout_ms(self) -> int:
        """A little less than the timeout, so that the caller still receives the driver's reason."""
        return max(2, self.timeout_ms * 9 // 10)

    def options(self) -> dict[str, Any]:
        """Return kafka-python's options."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "bootstrap_timeout_ms": self.driver_timeout_ms,
            "security_protocol": self.security_protocol,
            "ssl_cafile": str(self.ssl_cafile) if self.ssl_cafile else None,
            "reconnect_backoff_max_ms": 1000,  # by default a broker that is back is not tried for up to 30 s
            "proxy_url": f"{DIRECT}://",
        }
        if self.security_protocol.startswith("SASL"):
            password = self.sasl_password.get_secret_value() if self.sasl_password else ""
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": password,
            }
        return options

    def connect(self, driver: Callable[..., Any], **options: Any) -> Any:
        """Make a producer or consumer, which connects at once; raise KafkaError when it cannot."""
        self._check()
        quiet_kafka_python()
        clients: list[Any] = []

        def client(**arguments: Any) -> Any:
            clients.append(KafkaNetClient(**arguments))
            return clients[0]

        try:
            return driver(**self.options(), **options, kafka_client=client)
        except (DriverError, OSError, ValueError) as error:
            for half_made in clients:  # the driver itself does not close it
                half_made.close()
            raise self.error("Kafka cannot be reached", error, hint=CHECK_BROKERS) from error

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
        raise self.error("Kafka cannot be reached", cause, hint=CHECK_BROKERS) from cause

    def error(self, what: str, cause: BaseException | None = None, *, hint: str = "") -> KafkaError:
        """Return a KafkaError that says what failed, at which servers, and the cause."""
        reason = f": {str(cause) or type(cause).__name__}" if cause is not None else ""
        servers = ", ".join(self.bootstrap_servers)
        return KafkaError(f"{what} ({servers}){reason}", servers=self.bootstrap_servers, hint=hint)

    def _check(self) -> None:
        if not self.bootstrap_servers:
            raise KafkaError(
                "Kafka is not configured", hint="set KAFKA_BOOTSTRAP_SERVERS (host:port, comma-separated)"
            )
        if self.ssl_cafile is not None and not self.ssl_cafile.is_file():
            raise self.error(
                f"the CA file {self.ssl_cafile} does not exist", hint="set KAFKA_SSL_CAFILE to a PEM file"
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
