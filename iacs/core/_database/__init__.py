"""The implementation of `iacs.core.database`."""
