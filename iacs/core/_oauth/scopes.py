"""Scopes with the resource that they belong to, as entra-docs' scopes-oidc writes them."""

import re
from urllib.parse import urlsplit

_GRAPH = "https://graph.microsoft.com"
_NATIONAL_CLOUDS = {
    "dod-graph.microsoft.us",
    "graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
}
_PERMISSION = re.compile(r"[A-Z][A-Za-z]*(\.[A-Za-z]+)+")


def graph_resource(graph_url: str) -> str:
    """Return the resource of Microsoft Graph: the public cloud's, unless the URL is that of a national cloud."""
    host = urlsplit(graph_url).hostname or ""
    return f"https://{host}" if host in _NATIONAL_CLOUDS else _GRAPH


def full_scopes(scopes: str, graph_url: str) -> str:
    """Return the scopes with Graph's permissions, such as Mail.Read, as URIs; other scopes stay as they are."""
    resource = graph_resource(graph_url)
    return " ".join(
        f"{resource}/{scope}" if _PERMISSION.fullmatch(scope) else scope for scope in scopes.split()
    )
