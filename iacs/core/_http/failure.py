"""Why a request got no response, with the name of what failed: the host, the proxy or the network."""

import os

import aiohttp

from iacs.core._http.proxy import Proxy
from iacs.core._tls.verification import certificate_problem

_LATER = "try again later"


def refused_by_proxy(status: int, challenge: str, host: str, proxy: Proxy) -> tuple[str, str]:
    """Return what a proxy's refusal to connect to `host` means, and what to do; `challenge` is Proxy-Authenticate."""
    if status == 407:
        what = f"the proxy {proxy.address} requires authentication (407)"
        if challenge and "basic" not in challenge.lower():
            kind = challenge.split()[0]
            return what, f"it asks for {kind}, and only Basic is supported: put a local proxy in between"
        return what, f"check user and password in {proxy.variable} (http://user:password@host:port)"
    if status in (502, 503, 504):
        what = f"the proxy {proxy.address} cannot reach {host} ({status})"
        return what, f"{_LATER}, or have the proxy checked ({proxy.variable})"
    what = f"the proxy {proxy.address} refused the connection to {host} ({status})"
    return what, f"have the proxy allow {host}, or name the host in NO_PROXY"


def explain(error: Exception, host: str, proxy: Proxy | None) -> tuple[str, str]:
    """Return what happened to a connection that brought no response, and what to do."""
    if isinstance(error, aiohttp.ClientProxyConnectionError) and proxy is not None:
        what = f"the proxy {proxy.address} cannot be reached ({_reason(error.os_error)})"
        return what, f"check {proxy.variable}, or name the host in NO_PROXY"
    is_of_proxy = (
        proxy is not None and proxy.address == f"{getattr(error, 'host', '')}:{getattr(error, 'port', '')}"
    )
    server = f"the proxy {proxy.address}" if proxy is not None and is_of_proxy else host
    problem = certificate_problem(error, server, ca_setting="HTTP_CA_FILE")
    if problem is not None:
        return problem.message, problem.hint
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        reason = getattr(error.os_error, "reason", None) or type(error).__name__
        what = f"the TLS handshake with {host} failed ({str(reason).lower().replace('_', ' ')})"
        return what, "check the address and its port, and the proxy"
    if isinstance(error, aiohttp.ClientConnectorError):
        what = f"{host} cannot be reached ({_reason(error.os_error)})"
        return what, "check the network, the proxy and the address"
    through = f" through the proxy {proxy.address}" if proxy is not None else ""
    return f"the connection to {host}{through} was lost ({type(error).__name__})", _LATER


def _reason(error: OSError) -> str:
    """Return the system's words alone: asyncio's text repeats the address, and getaddrinfo's begins with a number."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else error.strerror or str(error)
