"""The implementation of `iacs.core.token_service`."""
