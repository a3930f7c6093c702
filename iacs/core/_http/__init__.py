"""The inside of `iacs.core.http_client`."""
