"""Scopes with the resource that they belong to, as entra-docs' scopes-oidc writes them."""

import re
from urllib.parse import urlsplit

from iacs.core.exceptions import ConfigurationError

_GRAPH = "https://graph.microsoft.com"
_NATIONAL_CLOUDS = {
    "dod-graph.microsoft.us",
    "graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
}
_SCOPE = re.compile(r"[!#-\[\]-~]+")  # RFC 6749, 3.3
_PERMISSION = re.compile(r"[A-Z][A-Za-z]*(\.[A-Za-z]+)+")


def graph_resource(graph_url: str) -> str:
    """Return the resource of Microsoft Graph: the public cloud's, unless the URL is that of a national cloud."""
    host = urlsplit(graph_url).hostname or ""
    return f"https://{host}" if host in _NATIONAL_CLOUDS else _GRAPH


def joined_scopes(scopes: str, further: str) -> str:
    """Return the scopes and further ones, each once; raise ConfigurationError for what cannot be a scope."""
    for scope in further.split():
        if not _SCOPE.fullmatch(scope):
            raise ConfigurationError(
                [f"{scope!r} is not a scope"], hint="write Graph's permissions as Mail.Send, others as URIs"
            )
    return " ".join(dict.fromkeys([*scopes.split(), *further.split()]))


def full_scopes(scopes: str, graph_url: str) -> str:
    """Return the scopes with Graph's permissions, such as Mail.Read, as URIs; other scopes stay as they are."""
    resource = graph_resource(graph_url)
    return " ".join(
        f"{resource}/{scope}" if _PERMISSION.fullmatch(scope) else scope for scope in scopes.split()
    )
