"""Names of tenants: a directory id, a domain, or one of the shared ones such as `common`."""

import re

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_DIRECTORY_ID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_tenant(text: str) -> bool:
    """Return whether a text can name a tenant; it is put into the path of a URL unchanged."""
    return _TENANT.fullmatch(text) is not None


def is_directory_id(text: str) -> bool:
    """Return whether a text names a tenant by the id of its directory, a GUID."""
    return _DIRECTORY_ID.fullmatch(text) is not None
