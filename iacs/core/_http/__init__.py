"""The implementation of `iacs.core.http_client`."""
