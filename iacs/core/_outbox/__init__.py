"""The implementation of `iacs.core.outbox`."""
