"""The implementation of `iacs.core.events` and of the event log."""
