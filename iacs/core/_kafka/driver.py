"""The only module that imports kafka-python, which has no types, and warns when it is imported."""

import warnings

with warnings.catch_warnings():
    # It reads its protocol's schemas by a function that Python 3.11 and 3.12 call deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import (  # type: ignore[import-untyped]
        ConsumerRebalanceListener,
        KafkaAdminClient,
        KafkaConsumer,
        KafkaProducer,
    )
    from kafka import codec as _codec
    from kafka import errors as _errors
    from kafka.net import KafkaNetSocket, create_connection  # type: ignore[import-untyped]
    from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]
    from kafka.net.manager import KafkaConnectionManager  # type: ignore[import-untyped]
    from kafka.net.sasl.oauth import AbstractTokenProvider  # type: ignore[import-untyped]
    from kafka.net.selector import NetworkSelector  # type: ignore[import-untyped]
    from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport  # type: ignore[import-untyped]
    from kafka.protocol.consumer import OffsetSpec  # type: ignore[import-untyped]
    from kafka.record.default_records import DefaultRecordBatch  # type: ignore[import-untyped]
    from kafka.record.util import decode_varint  # type: ignore[import-untyped]
    from kafka.structs import OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]

DriverError = _errors.KafkaError
KafkaConnectionError = _errors.KafkaConnectionError
InvalidReceiveError = _errors.InvalidReceiveError
OutOfOrderSequenceNumberError = _errors.OutOfOrderSequenceNumberError
UnsupportedCodecError = _errors.UnsupportedCodecError
UnsupportedSaslMechanismError = _errors.UnsupportedSaslMechanismError
IllegalSaslStateError = _errors.IllegalSaslStateError
SASL_REJECTIONS = (
    _errors.SaslAuthenticationFailedError,
    _errors.UnsupportedSaslMechanismError,
    _errors.IllegalSaslStateError,
)
KafkaTimeoutError = _errors.KafkaTimeoutError
REJECTIONS = (
    _errors.InvalidRecordError,
    _errors.InvalidTimestampError,
    _errors.InvalidTopicError,
    _errors.MessageSizeTooLargeError,
    _errors.PolicyViolationError,
    _errors.RecordListTooLargeError,
    _errors.TopicAuthorizationFailedError,
    _errors.UnsupportedForMessageFormatError,
)
"""The errors that are about one record or its topic, and that a later attempt meets again."""

TOO_LARGE = (_errors.MessageSizeTooLargeError, _errors.RecordListTooLargeError)
NOT_AUTHORIZED = (_errors.AuthorizationError,)
INVALID_TOPIC = (_errors.InvalidTopicError,)


def has_codec(compression: str) -> bool:
    """Return whether the library for `gzip`, `snappy`, `lz4` or `zstd` is installed."""
    return bool(getattr(_codec, f"has_{compression}")())


__all__ = [
    "INVALID_TOPIC",
    "NOT_AUTHORIZED",
    "REJECTIONS",
    "SASL_REJECTIONS",
    "TOO_LARGE",
    "AbstractTokenProvider",
    "ConsumerRebalanceListener",
    "DefaultRecordBatch",
    "DriverError",
    "IllegalSaslStateError",
    "InvalidReceiveError",
    "KafkaAdminClient",
    "KafkaConnectionError",
    "KafkaConnectionManager",
    "KafkaConsumer",
    "KafkaNetClient",
    "KafkaNetSocket",
    "KafkaProducer",
    "KafkaSSLTransport",
    "KafkaTCPTransport",
    "KafkaTimeoutError",
    "NetworkSelector",
    "OffsetAndMetadata",
    "OffsetSpec",
    "OutOfOrderSequenceNumberError",
    "TopicPartition",
    "UnsupportedCodecError",
    "UnsupportedSaslMechanismError",
    "create_connection",
    "decode_varint",
    "has_codec",
]
