"""What managed clusters require: TLS, client certificates, SASL, codecs; and the sentence for each mistake in that."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.core._kafka.records import _Batches
from iacs.core.exceptions import KafkaError, PublishError
from iacs.core.kafka_client import Compression, KafkaClient
from tests.fixtures.events import LOGGER, read
from tests.fixtures.kafka import make_topic
from tests.fixtures.secured_kafka import PASSWORD, USER, SecuredKafka

LONG = 60.0
"""A timeout that no test waits for."""
LOGIN: dict[str, Any] = {"sasl_username": USER, "sasl_password": SecretStr(PASSWORD)}


def client(kafka: SecuredKafka, listener: str, **options: Any) -> KafkaClient:
    defaults: dict[str, Any] = {"timeout": LONG, "logger": LOGGER}
    return KafkaClient(kafka.servers(listener), **(defaults | options))


async def error_of(kafka: KafkaClient) -> PublishError:
    """Return the error of publishing, which comes long before the timeout."""
    async with asyncio.timeout(LONG / 2), kafka:
        with pytest.raises(PublishError) as publishing:
            await kafka.publish("orders", 1)
    return publishing.value


async def round_trip(secured: SecuredKafka, topic: str, kafka: KafkaClient) -> None:
    make_topic((secured.broker.bootstrap,), topic)
    async with kafka:
        await kafka.publish(topic, 1)
        assert [event.value for event in await read(kafka, topic)] == [1]


@pytest.mark.parametrize(
    ("listener", "options"),
    [
        ("TLS", {"security_protocol": "SSL"}),
        ("TLSLOGIN", {"security_protocol": "SASL_SSL", **LOGIN}),
        ("LOGIN", {"security_protocol": "SASL_PLAINTEXT", **LOGIN}),
    ],
)
async def test_events_pass_with_tls_and_with_a_password(
    secured_kafka: SecuredKafka, topic: str, listener: str, options: dict[str, Any]
) -> None:
    kafka = client(secured_kafka, listener, ssl_cafile=secured_kafka.ca, **options)
    await round_trip(secured_kafka, topic, kafka)


@pytest.mark.parametrize("is_locked", [False, True])
async def test_a_client_certificate_opens_a_broker_that_requires_one(
    secured_kafka: SecuredKafka, topic: str, is_locked: bool
) -> None:
    keys: dict[str, Any] = {"ssl_keyfile": secured_kafka.key}
    if is_locked:
        keys = {"ssl_keyfile": secured_kafka.locked_key, "ssl_key_password": SecretStr(PASSWORD)}
    kafka = client(
        secured_kafka,
        "MTLS",
        security_protocol="SSL",
        ssl_cafile=secured_kafka.ca,
        ssl_certfile=secured_kafka.certificate,
        **keys,
    )
    await round_trip(secured_kafka, topic, kafka)


@pytest.mark.parametrize(
    ("listener", "options", "message", "hint"),
    [
        ("TLS", {"security_protocol": "SSL"}, "issued by an unknown CA", "KAFKA_SSL_CAFILE"),
        ("ELSEWHERE", {"security_protocol": "SSL", "ssl_cafile": "ca"}, "issued for another host", "name"),
        (
            "MTLS",
            {"security_protocol": "SSL", "ssl_cafile": "ca"},
            "requires a client certificate",
            "set KAFKA_SSL_CERTFILE",
        ),
        (
            "MTLS",
            {"security_protocol": "SSL", "ssl_cafile": "ca", "ssl_certfile": "stranger"},
            "rejected the client certificate",
            "trust its CA",
        ),
        ("TLS", {}, "without TLS, as KAFKA_SECURITY_PROTOCOL=PLAINTEXT requires", "use SSL"),
        (
            "TLSLOGIN",
            {"security_protocol": "SASL_PLAINTEXT", **LOGIN},
            "without TLS, as KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT requires",
            "use SASL_SSL",
        ),
        (
            "PLAINTEXT",
            {"security_protocol": "SSL"},
            "during the TLS handshake, so it may not expect TLS",
            "KAFKA_SECURITY_PROTOCOL",
        ),
        ("LOGIN", {}, "so it may require SASL", "KAFKA_SECURITY_PROTOCOL"),
        (
            "PLAINTEXT",
            {"security_protocol": "SASL_PLAINTEXT", **LOGIN},
            "do not expect SASL",
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (
            "LOGIN",
            {"security_protocol": "SASL_PLAINTEXT", **LOGIN, "sasl_password": SecretStr("wr0ng-passw0rd")},
            "authentication failed: wrong password",
            "KAFKA_SASL_PASSWORD",
        ),
        (
            "LOGIN",
            {"security_protocol": "SASL_PLAINTEXT", **LOGIN, "sasl_mechanism": "SCRAM-SHA-256"},
            "do not accept the SASL mechanism SCRAM-SHA-256",
            "KAFKA_SASL_MECHANISM",
        ),
    ],
)
async def test_each_mistake_has_its_own_sentence_at_once(
    secured_kafka: SecuredKafka, listener: str, options: dict[str, Any], message: str, hint: str
) -> None:
    files = {"ca": secured_kafka.ca, "stranger": secured_kafka.stranger}
    given = {
        name: files.get(value, value) if isinstance(value, str) else value for name, value in options.items()
    }
    error = await error_of(client(secured_kafka, listener, **given))
    assert message in str(error)
    assert hint in error.hint
    assert "wr0ng" not in error.message_with_hint


async def test_reading_and_probing_say_the_same(secured_kafka: SecuredKafka) -> None:
    async with asyncio.timeout(LONG / 2), client(secured_kafka, "TLS", security_protocol="SSL") as kafka:
        for use in (read(kafka, "orders"), kafka.probe()):
            with pytest.raises(KafkaError, match="issued by an unknown CA") as caught:
                await use
            assert "KAFKA_SSL_CAFILE" in caught.value.hint


async def test_a_server_that_is_silent_in_the_handshake_is_given_up_within_the_timeout() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as listener:
        servers = [f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"]
        async with KafkaClient(servers, timeout=1, security_protocol="SSL", logger=LOGGER) as kafka:
            with pytest.raises(PublishError):
                await kafka.publish("orders", 1)
            async with asyncio.timeout(LONG / 2):
                with pytest.raises(KafkaError, match="does not answer in the TLS handshake"):
                    await read(kafka, "orders")


async def test_one_broker_that_can_be_used_is_enough(secured_kafka: SecuredKafka, topic: str) -> None:
    make_topic((secured_kafka.broker.bootstrap,), topic)
    servers = [*secured_kafka.servers("TLS"), secured_kafka.broker.bootstrap]
    async with KafkaClient(servers, timeout=LONG, logger=LOGGER) as kafka:
        for n in range(4):
            await kafka.publish(topic, n)


def unsecured_token(subject: str = "alice", *, lifetime: float = 600.0) -> str:
    """Return a token that Kafka's validator for development accepts."""
    claims = {"sub": subject, "iat": time.time(), "exp": time.time() + lifetime}
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none"}, claims)
    ]
    return ".".join([*parts, ""])


async def fetch_token() -> SecretStr:
    await asyncio.sleep(0)
    return SecretStr(unsecured_token())


TOKEN = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "OAUTHBEARER"}


@pytest.mark.parametrize("source", [unsecured_token, fetch_token])
async def test_a_function_returns_the_access_token(
    secured_kafka: SecuredKafka, topic: str, source: Any
) -> None:
    await round_trip(secured_kafka, topic, client(secured_kafka, "TOKEN", **TOKEN, oauth_token=source))


def no_token() -> str:
    raise LookupError("the identity provider is away")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (no_token, "could not be obtained: the identity provider is away"),
        (lambda: unsecured_token(lifetime=-60), "rejected the access token"),
        (lambda: None, "is not text"),
        (lambda: "bad\x01token", "is not text"),
        (None, "needs a function that returns an access token"),
    ],
)
async def test_a_token_that_is_missing_or_rejected_is_a_sentence_without_it(
    secured_kafka: SecuredKafka, source: Any, message: str
) -> None:
    error = await error_of(client(secured_kafka, "TOKEN", **TOKEN, oauth_token=source))
    assert message in str(error)
    assert error.hint
    assert "eyJ" not in str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ssl_cafile": "missing"}, "KAFKA_SSL_CAFILE: {missing} cannot be read"),
        ({"ssl_cafile": "text"}, "KAFKA_SSL_CAFILE: {text} has no certificate in PEM"),
        ({"ssl_certfile": "missing"}, "KAFKA_SSL_CERTFILE: {missing} cannot be read"),
        ({"ssl_certfile": "certificate", "ssl_keyfile": "missing"}, "KAFKA_SSL_KEYFILE: {missing} cannot be"),
        ({"ssl_certfile": "certificate"}, "{certificate} does not hold a certificate and its private key"),
        ({"ssl_keyfile": "key"}, "KAFKA_SSL_KEYFILE is set without a certificate"),
        ({"ssl_certfile": "certificate", "ssl_keyfile": "locked_key"}, "{locked_key} do not hold"),
        ({"ssl_certfile": "certificate", "ssl_keyfile": "stranger"}, "{stranger} does not belong"),
    ],
)
async def test_a_file_that_cannot_be_used_is_named(
    secured_kafka: SecuredKafka, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    text = tmp_path / "text"
    text.write_text("hello")
    files = {"missing": tmp_path / "missing", "text": text, **vars(secured_kafka)}
    given: dict[str, Any] = {name: files[value] for name, value in options.items()}
    error = await error_of(client(secured_kafka, "TLS", security_protocol="SSL", **given))
    assert message.format(**files) in str(error)
    assert error.hint


async def test_the_reason_is_reported_when_a_running_client_is_locked_out(
    secured_kafka: SecuredKafka, topic: str
) -> None:
    make_topic((secured_kafka.broker.bootstrap,), topic)
    lifetime = 600.0

    def source() -> str:
        return unsecured_token(lifetime=lifetime)

    async with client(secured_kafka, "TOKEN", **TOKEN, oauth_token=source, timeout=2.0) as kafka:
        await kafka.publish(topic, 1)
        lifetime = -60.0
        manager = kafka._publisher._producer._sender._client._manager
        for connection in tuple(manager._conns.values()):
            manager._net.call_soon_threadsafe(connection.close)
        with pytest.raises(PublishError, match="rejected the access token"):
            await kafka.publish(topic, 2)


async def test_a_topic_is_not_created_where_that_is_switched_off(
    kafka_servers: tuple[str, ...], topic: str
) -> None:
    async with KafkaClient(kafka_servers, timeout=2, create_topics=False, logger=LOGGER) as kafka:
        with pytest.raises(PublishError, match="does not know the topic") as caught:
            await kafka.publish(topic, 1)
        assert "create the topic" in caught.value.hint
        for _ in range(2):  # the first has not created it either
            with pytest.raises(KafkaError, match="does not know the topic"):
                await read(kafka, topic)


CODECS: list[Compression] = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.mark.parametrize("compression", CODECS)
async def test_events_are_compressed_as_the_setting_says(
    kafka_servers: tuple[str, ...], topic: str, compression: Compression, monkeypatch: pytest.MonkeyPatch
) -> None:
    codecs = list[int]()
    next_batch = _Batches.next_batch

    def note(batches: _Batches) -> Any:
        batch = next_batch(batches)
        if batch is not None:
            codecs.append(batch.compression_type)
        return batch

    monkeypatch.setattr(_Batches, "next_batch", note)
    async with KafkaClient(kafka_servers, timeout=20, compression=compression, logger=LOGGER) as kafka:
        await kafka.publish(topic, "x" * 5000)
        assert [event.value for event in await read(kafka, topic)] == ["x" * 5000]
    assert set(codecs) == {CODECS.index(compression)}  # the numbers of Kafka's protocol


async def test_without_the_codecs_one_sentence_names_the_extra(
    kafka_servers: tuple[str, ...], topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with KafkaClient(kafka_servers, timeout=20, compression="zstd", logger=LOGGER) as kafka:
        await kafka.publish(topic, 1)
    monkeypatch.setattr("kafka.codec.zstd", None)
    async with KafkaClient(kafka_servers, timeout=20, compression="zstd", logger=LOGGER) as kafka:
        with pytest.raises(
            PublishError, match=r"^KAFKA_COMPRESSION=zstd needs iacsgraph\[kafka-codecs\]"
        ) as caught:
            await kafka.publish(topic, 2)
        assert caught.value.hint == "install it with: pip install 'iacsgraph[kafka-codecs]'"
    async with KafkaClient(kafka_servers, timeout=20, logger=LOGGER) as kafka:
        with pytest.raises(KafkaError, match=r"compressed with zstd, which needs iacsgraph") as reading:
            await read(kafka, topic)
        assert reading.value.hint == caught.value.hint
