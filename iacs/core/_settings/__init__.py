"""The inside of `iacs.core.config`."""
