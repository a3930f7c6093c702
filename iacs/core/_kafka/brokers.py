"""Connections to the brokers that remember why they fail, and do not go on where that cannot help."""

import os
import re
from collections import Counter
from functools import partial
from typing import Any
from weakref import WeakSet

from iacs.core._kafka import driver
from iacs.core._kafka.failure import explain
from iacs.core._kafka.settings import ConnectionSettings, Failure
from iacs.core._kafka.transports import TcpTransport, TlsTransport
from iacs.redaction import redact_foreign

_SYSTEM_ERROR = re.compile(r"(\d+) E[A-Z]+")
"""How kafka-python 3.0.12 writes an error of the system, such as `111 ECONNREFUSED`."""


class HopelessError(driver.DriverError):  # type: ignore[misc]
    """No broker can be used, and trying again would not change that."""


class Brokers(driver.KafkaConnectionManager):  # type: ignore[misc]
    """Connects to the brokers; `is_starting` until the driver has had its first answer.

    kafka-python 3.0.12 goes on after every failure until its timeout, and reports only that. The failures are
    noted in `settings.failures`, where the errors of iacs find their cause.
    """

    def __init__(self, net: Any, settings: ConnectionSettings, **options: Any) -> None:
        super().__init__(net, **options)
        # kafka-python 3.0.12 does not pass this option on.
        self.cluster.config["allow_auto_create_topics"] = options.get("allow_auto_create_topics", True)
        self.is_starting = True
        self._settings = settings
        self._failed = Counter[object]()
        self._hopeless = set[object]()
        self._transports = WeakSet[TcpTransport | TlsTransport]()

    def get_connection(self, node_id: object, *arguments: Any, **options: Any) -> Any:
        """Return the connection to a broker, or a new one; raise HopelessError."""
        if self.is_starting and self._is_hopeless():
            raise HopelessError
        is_new = node_id not in self._conns
        connection = super().get_connection(node_id, *arguments, **options)
        if is_new:
            broker = self.cluster.broker_metadata(node_id)
            server = f"{broker.host}:{broker.port}"
            connection.init_future.add_errback(partial(self._note, node_id, server, ready=False))
            connection.init_future.add_callback(partial(self._watch, node_id, server, connection))
        return connection

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        sock = await driver.create_connection(
            self._net,
            node.host,
            node.port,
            self.config["socket_options"],
            proxy_url=self.config["proxy_url"],
            timeout_at=timeout_at,
        )
        if not self.ssl_enabled:
            plain = TcpTransport(self._net, sock, host=node.host)
            self._transports.add(plain)
            return plain
        transport = TlsTransport(self._net, sock, host=node.host, ssl_context=self.config["ssl_context"])
        self._transports.add(transport)
        await transport.handshake_until(timeout_at)
        return transport

    def close_sockets(self) -> None:
        """Close every socket that is still open."""
        for transport in list(self._transports):
            transport.close_socket()

    def _is_hopeless(self) -> bool:
        """Return whether every broker has failed, and one of them in a way that stays."""
        cluster: Any = self.cluster
        brokers = {broker.node_id for broker in cluster.bootstrap_brokers()}
        return bool(self._hopeless) and brokers <= self._failed.keys()

    def _watch(self, node_id: object, server: str, connection: Any, _: object) -> None:
        if not self.is_starting:
            self._settings.failures.pop(server, None)
        connection.close_future.add_errback(partial(self._note, node_id, server, ready=True))

    def _note(self, node_id: object, server: str, error: Exception, *, ready: bool) -> None:
        if type(error) is driver.KafkaConnectionError and not error.args:
            return  # we have closed it ourselves
        self._failed[node_id] += 1
        is_first = ready and self.is_starting  # later, a lost connection is only that
        failure = explain(error, server, self._settings, ready=is_first)
        if failure is None:
            text = ": ".join(str(part) for part in error.args) or type(error).__name__
            if match := _SYSTEM_ERROR.fullmatch(text):
                text = os.strerror(int(match[1]))
            failure = Failure(redact_foreign(text, self._settings.secrets()), "", 0)
        elif 0 < failure.attempts <= self._failed[node_id]:
            self._hopeless.add(node_id)
        self._settings.failures[server] = failure


class _Client(driver.KafkaNetClient):  # type: ignore[misc]
    """A client that closes every socket; kafka-python 3.0.12 leaves open those with something still to be written."""

    def __init__(self, net: Any, brokers: Brokers) -> None:
        super().__init__(net, brokers)
        self._brokers = brokers

    def close(self, node_id: object = None) -> None:
        """Close the connection to one broker, or to all of them for good."""
        super().close(node_id)
        if node_id is None:
            self._brokers.close_sockets()


def connect_brokers(settings: ConnectionSettings, **options: Any) -> Any:
    """Return the client that kafka-python's producers and consumers use."""
    net = driver.NetworkSelector(**options)
    return _Client(net, Brokers(net, settings, **options))
