"""The libraries for compressed records, which are an extra of the distribution."""

from iacs.core._kafka.driver import UnsupportedCodecError, has_codec
from iacs.core.exceptions import KafkaError

_EXTRA = "iacsgraph[kafka-codecs]"
_INSTALL = f"install it with: pip install '{_EXTRA}'"


def check_codec(compression: str) -> None:
    """Raise KafkaError if the library that compresses for the producer is not installed."""
    if not has_codec(compression):
        raise KafkaError(f"KAFKA_COMPRESSION={compression} needs {_EXTRA}", hint=_INSTALL)


def missing_codec(error: BaseException, topics: str) -> KafkaError | None:
    """Return the error for records that cannot be decompressed here; None if `error` has another cause."""
    if not isinstance(error, UnsupportedCodecError):
        return None
    names = [name for name in ("snappy", "lz4", "zstd") if name in str(error)]
    with_codec = f" with {names[0]}" if names else ""
    return KafkaError(f"records of {topics} are compressed{with_codec}, which needs {_EXTRA}", hint=_INSTALL)
