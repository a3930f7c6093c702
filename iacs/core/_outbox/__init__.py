"""The inside of `iacs.core.outbox`."""
