"""Connections to brokers, with what kafka-python 3.0.12 leaves out of its own."""

import ssl
from typing import Any

from iacs.core._kafka.driver import (
    KafkaConnectionError,
    KafkaNetSocket,
    KafkaSSLTransport,
    KafkaTCPTransport,
)

DIRECT = "iacs-direct"


class HandshakeError(KafkaConnectionError):  # type: ignore[misc]
    """TLS could not be agreed on with a broker."""


class _Transport:
    """Takes what a broker has sent before it closed the connection, which kafka-python 3.0.12 drops."""

    _sock: Any

    def close_socket(self) -> None:
        """Close the socket at once, whatever is still to be written."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def _sock_recv(self) -> tuple[bytes, Exception | None]:
        received, error = super()._sock_recv()  # type: ignore[misc]
        return received, None if received else error  # the next attempt meets the end again


class TcpTransport(_Transport, KafkaTCPTransport):  # type: ignore[misc]
    """A connection without TLS."""


class TlsTransport(_Transport, KafkaSSLTransport):  # type: ignore[misc]
    """A connection with TLS whose handshake has a limit; kafka-python waits for ever, and leaves the socket open."""

    async def handshake_until(self, timeout_at: float | None) -> None:
        """Agree on TLS, or close the connection; the limit is an instant of the monotonic clock, in seconds."""
        try:
            await self._handshake(timeout_at)
        except Exception as error:  # whatever OpenSSL raises, the socket must not stay open
            self.close()
            raise HandshakeError(error) from error

    async def _handshake(self, timeout_at: float | None) -> None:
        sock: Any = self._sock
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._net.wait_read(sock, timeout_at=timeout_at)
            except ssl.SSLWantWriteError:
                await self._net.wait_write(sock, timeout_at=timeout_at)
            else:
                return


class ClosedSocket(KafkaNetSocket):  # type: ignore[misc]
    """A socket without a proxy that is closed when it cannot be connected, which kafka-python forgets.

    It registers itself under the scheme of `proxy_url` that asks for it.
    """

    SCHEMES = (DIRECT,)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """Return the connected socket."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise
