"""The one place that imports kafka-python, which has no types, and warns when it is imported."""

import warnings

with warnings.catch_warnings():
    # It reads its protocol's schemas by a function that Python 3.11 and 3.12 call deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import (  # type: ignore[import-untyped]
        ConsumerRebalanceListener,
        KafkaConsumer,
        KafkaProducer,
        OffsetAndMetadata,
        TopicPartition,
    )
    from kafka.errors import KafkaError as DriverError  # type: ignore[import-untyped]
    from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]

__all__ = [
    "ConsumerRebalanceListener",
    "DriverError",
    "KafkaConsumer",
    "KafkaNetClient",
    "KafkaProducer",
    "OffsetAndMetadata",
    "TopicPartition",
]
