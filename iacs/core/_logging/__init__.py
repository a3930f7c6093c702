"""The inside of `iacs.core.logger`."""
