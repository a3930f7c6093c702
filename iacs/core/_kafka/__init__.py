"""The implementation of `iacs.core.kafka_client`."""
