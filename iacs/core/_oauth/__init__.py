"""The inside of `iacs.core.oauth_client`."""
