"""The metadata that clients request before a sign-in."""

from aiohttp import web

from iacs.sandbox.cloud import CLOUD, origin
from iacs.sandbox.entra.errors import invalid_request
from iacs.sandbox.entra.tenants import tenant_id


def check_tenant(request: web.Request) -> str:
    """Return the tenant in the path; raise EntraError if there is none with this name."""
    tenant = request.match_info["tenant"]
    tenant_id(request.app[CLOUD], tenant)
    return tenant


def issuer(request: web.Request, directory_id: str) -> str:
    """Return the `iss` claim of the id tokens of a tenant."""
    return f"{origin(request)}/{directory_id}/v2.0"


def _issuer(request: web.Request) -> str:
    """Return the issuer of the tenant in the path; a template for common and organizations."""
    return issuer(request, tenant_id(request.app[CLOUD], request.match_info["tenant"]) or "{tenantid}")


async def openid_configuration(request: web.Request) -> web.Response:
    """Return the OpenID Connect metadata; for common and organizations the issuer is a template."""
    base = f"{origin(request)}/{check_tenant(request).lower()}"
    return web.json_response({
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": _issuer(request),
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"],
        "tenant_region_scope": None,
        "cloud_instance_name": request.host,
    })  # fmt: skip


async def keys(request: web.Request) -> web.Response:
    """Return the signing key and its issuer."""
    key = request.app[CLOUD].issuer.public_key() | {"issuer": _issuer(request)}
    return web.json_response({"keys": [key]})


async def instance_discovery(request: web.Request) -> web.Response:
    """Return this host as the only name of its cloud."""
    if not request.query.get("authorization_endpoint"):
        raise invalid_request("The request must contain the following parameter: 'authorization_endpoint'.")
    home = request.app[CLOUD].directory.tenant_id
    return web.json_response({
        "tenant_discovery_endpoint": f"{origin(request)}/{home}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {"preferred_network": request.host, "preferred_cache": request.host, "aliases": [request.host]}
        ],
    })  # fmt: skip
