"""The implementation of `iacs.core.encryption`."""
