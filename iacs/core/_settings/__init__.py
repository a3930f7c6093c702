"""The implementation of `iacs.core.config`."""
