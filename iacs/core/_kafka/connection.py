"""What producer and consumer have in common: how to reach the brokers, and how their failures are told."""

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
_UNREACHABLE = "Kafka cannot be reached; see that the brokers run and KAFKA_BOOTSTRAP_SERVERS names them"


@dataclass(frozen=True)
class KafkaConnection:
    """Reach brokers within `timeout` seconds."""

    bootstrap_servers: tuple[str, ...]
    timeout: float
    security_protocol: str = "PLAINTEXT"
    ssl_cafile: Path | None = None
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr | None = field(default=None, repr=False)

    @property
    def timeout_ms(self) -> int:
        """Return the timeout in milliseconds."""
        return max(1, int(self.timeout * 1000))

    def options(self) -> dict[str, Any]:
        """Return kafka-python's options."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap_servers),
            # A little less than the caller waits, so that the caller hears why it failed.
            "bootstrap_timeout_ms": max(1, self.timeout_ms * 9 // 10),
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
        if not self.bootstrap_servers:
            raise KafkaError("no Kafka server is named; set KAFKA_BOOTSTRAP_SERVERS to host:port")
        self._check()
        quiet_kafka_python()
        clients: list[Any] = []

        def client(**arguments: Any) -> Any:
            clients.append(KafkaNetClient(**arguments))
            return clients[0]

        try:
            return driver(**self.options(), **options, kafka_client=client)
        except (DriverError, OSError, ValueError) as error:
            for each in clients:  # what fails half-made is not closed by the driver itself
                each.close()
            raise self.error(_UNREACHABLE, error) from error

    async def knock(self) -> None:
        """Return when one of the servers takes a connection; raise KafkaError when none does.

        kafka-python goes on trying for the whole timeout, in a thread that nothing can interrupt.
        """
        self._check()
        problem: Exception | None = None
        async with _tasks(map(_knock, self.bootstrap_servers)) as knocks:
            for knocked in asyncio.as_completed(knocks):
                try:
                    return await knocked
                except (OSError, ValueError) as error:
                    problem = error
        raise self.error(_UNREACHABLE, problem) from problem

    def _check(self) -> None:
        if not self.bootstrap_servers:
            raise KafkaError("no Kafka is named; set KAFKA_BOOTSTRAP_SERVERS to host:port, comma-separated")
        if self.ssl_cafile is not None and not self.ssl_cafile.is_file():
            raise self.error(f"KAFKA_SSL_CAFILE names {self.ssl_cafile}, which is no file")

    def error(self, what: str, cause: BaseException | None = None) -> KafkaError:
        """Return a KafkaError that names the servers."""
        return KafkaError(self.describe(what, cause), servers=self.bootstrap_servers)

    def describe(self, what: str, cause: BaseException | None = None) -> str:
        """Say what failed, where, and why."""
        reason = f": {str(cause) or type(cause).__name__}" if cause is not None else ""
        return f"{what} ({', '.join(self.bootstrap_servers)}){reason}"


async def _knock(server: str) -> None:
    address = urlsplit(f"//{server}")
    _, writer = await asyncio.open_connection(address.hostname, address.port or _PORT)
    writer.close()


@asynccontextmanager
async def _tasks(work: Iterable[Coroutine[Any, Any, T]]) -> AsyncIterator[list[asyncio.Task[T]]]:
    """Run coroutines side by side; those still running at the end are cancelled."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def quiet_kafka_python() -> None:
    """Let kafka-python log nothing unless the application has set a level for it.

    While a broker is away it writes a line or more for each attempt to reconnect; what matters of it arrives
    as KafkaError, or in our own log.
    """
    logger = logging.getLogger("kafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def servers(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses, none when events go elsewhere; raise KafkaError for a bare string."""
    if isinstance(addresses, str):
        raise KafkaError("bootstrap_servers must be a list of host:port")
    return tuple(addresses)
