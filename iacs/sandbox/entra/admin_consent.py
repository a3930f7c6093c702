"""The admin consent endpoint: an administrator consents for everybody in the directory, and for the application."""

from aiohttp import web

from iacs.sandbox.cloud import CLOUD
from iacs.sandbox.entra import pages
from iacs.sandbox.entra.authorize import check_client, redirect, refused_page
from iacs.sandbox.entra.errors import EntraError
from iacs.sandbox.entra.tenants import check_audience

_PERMISSIONS = ("User.Read", "Mail.Read", "Mail.Read.Shared")
"""Those of the registration, to which an administrator consents when the request names none."""


async def page(request: web.Request) -> web.Response:
    """Ask for the consent; `decision=accept` or `decision=deny` is what the buttons add to the request."""
    cloud, query = request.app[CLOUD], request.query
    try:
        tenant_id = check_audience(cloud, request.match_info["tenant"]) or cloud.directory.tenant_id
        redirect_uri = check_client(cloud, query)
    except EntraError as error:
        return refused_page(error)
    scopes = [scope for scope in query.get("scope", "").split() if not scope.endswith("/.default")]
    fields = {"admin_consent": "True", "tenant": tenant_id} | ({"scope": " ".join(scopes)} if scopes else {})
    if query.get("decision") == "accept":
        cloud.consents.add_for_all(tenant_id, scopes or _PERMISSIONS)
        return redirect(query, redirect_uri, fields)
    if query.get("decision") == "deny":
        denied = EntraError("consent_required", 65004, "The resource owner denied the request.").fields(
            request
        )
        described = {key: str(denied[key]) for key in ("error", "error_description")}
        return redirect(query, redirect_uri, fields | described)
    return pages.ask_consent("for your organization", scopes or _PERMISSIONS, request.path, query)
