"""Connections to brokers that are closed while something is still to be written."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from iacs.core._kafka.brokers import connect_brokers
from iacs.core._kafka.connection import KafkaConnection

MORE_THAN_ANY_BUFFER = bytes(64 * 2**20)


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server that never reads."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def client(address: str) -> Any:
    settings = KafkaConnection(bootstrap_servers=(address,), timeout=5)
    return connect_brokers(settings, bootstrap_servers=address, security_protocol="PLAINTEXT")


def test_a_connection_with_something_to_write_is_closed_with_its_client(client: Any) -> None:
    manager = client._manager
    (broker,) = manager.cluster.bootstrap_brokers()
    transport = manager._net.run(manager._build_transport, broker)
    connected = transport._sock
    transport.write(MORE_THAN_ANY_BUFFER)
    client.poll(timeout_ms=100)
    transport.close()
    assert connected.fileno() != -1  # kafka-python waits until everything is written
    client.close()
    assert connected.fileno() == -1
