"""Names of tenants: a directory id, a domain, or one of the shared ones such as `common`."""

import re

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def is_tenant(text: str) -> bool:
    """Return whether a text can name a tenant; it becomes a part of a URL's path as it stands."""
    return _TENANT.fullmatch(text) is not None
