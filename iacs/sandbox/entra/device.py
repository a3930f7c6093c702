"""Sign-in on a device without a browser: RFC 8628 as Entra ID implements it."""

import secrets
import time

from aiohttp import web

from iacs.sandbox.cloud import CLOUD, Cloud, origin
from iacs.sandbox.entra import pages
from iacs.sandbox.entra.authorize import refused_page
from iacs.sandbox.entra.client_authentication import authenticate
from iacs.sandbox.entra.device_sign_ins import DeviceSignIn
from iacs.sandbox.entra.errors import required
from iacs.sandbox.entra.metadata import check_tenant
from iacs.sandbox.entra.tenants import eligible

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def _answer(cloud: Cloud, request: web.Request, device_code: str, user_code: str) -> web.Response:
    page = f"{origin(request)}/common/oauth2/deviceauth"
    return web.json_response({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "expires_in": cloud.behaviour.device_code_lifetime,
        "interval": cloud.behaviour.device_code_interval,
        "message": f"To sign in, use a web browser to open the page {page} and enter the code {user_code}.",
    })  # fmt: skip


async def begin(request: web.Request) -> web.Response:
    """Issue a code for the device and one for the person."""
    check_tenant(request)
    cloud, form = request.app[CLOUD], await request.post()
    authenticate(cloud.registration, form, request.headers.get("Authorization", ""))
    scopes = tuple(required(form, "scope").split())
    user_code = "".join(secrets.choice(_ALPHABET) for _ in range(9))
    device_code = secrets.token_urlsafe(48)
    cloud.issuer.secrets.append(device_code)
    expires_at = time.time() + cloud.behaviour.device_code_lifetime
    cloud.device_sign_ins.begin(device_code, DeviceSignIn(user_code, scopes, expires_at))
    return _answer(cloud, request, device_code, user_code)


async def page(request: web.Request) -> web.Response:
    """Ask for the code, then for the person, then complete the sign-in of the device."""
    check_tenant(request)
    cloud, query = request.app[CLOUD], request.query
    if not query.get("otc"):
        return pages.enter_code(request.path)
    sign_in = cloud.device_sign_ins.by_user_code(query["otc"])
    if sign_in is None:
        return pages.message("Enter code", "That code didn't work. Check the code and try again.", status=400)
    sign_in.person = cloud.directory.find(query.get("login_hint", ""))
    if sign_in.person is None:
        return pages.choose_person(eligible(cloud, "common"), request.path, query)
    refused = cloud.refusal(sign_in.person)
    if refused and refused.blocks:
        sign_in.person = None
        return refused_page(refused.error())
    cloud.lift_refusal(sign_in.person, claims="")
    return pages.message("You have signed in", "You may now close this window.")
