"""The settings of a connection, apart from the driver, which is slow to import."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import SecretStr

Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]
OAuthToken = Callable[[], str | SecretStr | Awaitable[str | SecretStr]]
"""Returns an access token that remains valid for some time; may be async. Called at every sign-in to a broker."""


class Failure(NamedTuple):
    """A failure to use a broker; after `attempts` of them in a row, trying again does not help (0: it may always)."""

    message: str
    hint: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class ConnectionSettings:
    """The settings for connecting to the brokers; `timeout` is in seconds.

    `failures` has why connections cannot be made at present, by server.
    """

    bootstrap_servers: tuple[str, ...]
    timeout: float
    security_protocol: str = "PLAINTEXT"
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_key_password: SecretStr | None = field(default=None, repr=False)
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr | None = field(default=None, repr=False)
    oauth_token: OAuthToken | None = field(default=None, repr=False)
    failures: dict[str, Failure] = field(default_factory=dict, repr=False, compare=False)
    tokens_sent: deque[str] = field(default_factory=lambda: deque(maxlen=4), repr=False, compare=False)

    def secrets(self) -> tuple[str, ...]:
        """Return what is sent to the brokers and must not be seen in an error."""
        password = self.sasl_password.get_secret_value() if self.sasl_password else ""
        return tuple(filter(None, (password, *self.tokens_sent)))
