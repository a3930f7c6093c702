"""The origin of a URL: the server that it leads to."""

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def same_origin(url: str, other: str) -> bool:
    """Return whether two URLs have the same scheme, host and port, and both a user or none; False for malformed ones."""
    try:
        return _origin(url) == _origin(other)
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int | None, bool]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), "@" in parts.netloc
