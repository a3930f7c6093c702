"""The implementation of `iacs.core.oauth_client`."""
