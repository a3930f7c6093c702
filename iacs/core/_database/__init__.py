"""The inside of `iacs.core.database`."""
