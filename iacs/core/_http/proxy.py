"""The proxy for a URL, from the variables that curl and requests read too."""

import os
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from iacs.core.exceptions import ConfigurationError

_VARIABLES = tuple(
    variable
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")
    for variable in (name, name.upper())
)
"""What getproxies reads; with REQUEST_METHOD, in a CGI script, it ignores HTTP_PROXY."""

_PORTS = {"http": 80, "https": 443}
_FORM = "use the form http://host:port, or name hosts that need no proxy in NO_PROXY"


class Proxy(NamedTuple):
    """An HTTP proxy: its URL, perhaps with credentials, and `host:port`; `variable` is where it is set."""

    url: str
    address: str
    variable: str


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for a URL, or None; raise ConfigurationError for one that cannot be used."""
    target, settings = urlsplit(url), _settings(tuple(map(os.environ.get, _VARIABLES)))
    for name in (target.scheme, "all"):
        if text := settings.get(name):
            exceptions = settings.get("no")
            return None if _is_exception(target, exceptions) else _proxy(text, f"{name.upper()}_PROXY")
    return None


@lru_cache(maxsize=1)
def _settings(_variables: tuple[str | None, ...]) -> dict[str, str]:
    """Return the proxies by scheme; reading them takes a tenth of the CPU time of a request, so they are kept."""
    return getproxies()


def _proxy(text: str, variable: str) -> Proxy:
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is not a number, half of an IPv6 address
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme.startswith("socks"):
        problem = f"{variable} names a SOCKS proxy, which is not supported"
        raise ConfigurationError([problem], hint=_FORM)
    if not host or parts.scheme not in _PORTS:
        raise ConfigurationError([f"{variable} is not the address of an HTTP proxy"], hint=_FORM)
    shown = f"[{host}]" if ":" in host else host
    return Proxy(url, f"{shown}:{port or _PORTS[parts.scheme]}", variable)


def _is_exception(target: SplitResult, exceptions: str | None) -> bool:
    """Return whether NO_PROXY names the host: itself, a domain above it, its network, each perhaps with a port."""
    host = (target.hostname or "").rstrip(".").lower()
    if exceptions is None:  # the system's settings, where there are such
        return bool(proxy_bypass(host))
    try:
        port = target.port or _PORTS.get(target.scheme)
    except ValueError:
        port = None
    entries = exceptions.replace(",", " ").lower().split()
    return any(_matches(entry, host, port) for entry in entries)


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    name, separator, number = entry.rpartition(":")
    if separator and number.isdecimal() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        address = ip_address(host)
    except ValueError:
        domain = entry.removeprefix("*").strip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:  # the name of a host
        return False
