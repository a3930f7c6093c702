"""The inside of `iacs.core.token_service`."""
