"""The implementation of `iacs.core.logger`."""
