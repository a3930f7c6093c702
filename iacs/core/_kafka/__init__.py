"""The inside of `iacs.core.kafka_client`."""
