"""`iacs auth …`: sign people in and out."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.auth_pages import link, serve
from iacs.cli.auth_setup import admin_consent, doctor
from iacs.cli.options import Email, Json
from iacs.cli.output import note, show
from iacs.cli.running import run
from iacs.cli.sign_in import NoBrowser, open_browser, opens_browser, require_settings
from iacs.core.exceptions import APIConnectionError, AuthenticationError

if TYPE_CHECKING:
    from iacs.auth import AuthorizationRequest, AuthService, DeviceSignIn, SignedIn
    from iacs.cli.running import App

app = typer.Typer(help="Sign people in and out.", rich_markup_mode=None)
app.command("admin-consent")(admin_consent)
app.command()(doctor)
app.command()(serve)
app.command()(link)


@app.command()
def login(
    email: Email,
    device_code: Annotated[
        bool, typer.Option("--device-code", help="Sign in on any device, with a code.")
    ] = False,
    prompt: Annotated[
        str,
        typer.Option(
            "--prompt", metavar="PROMPT", help="What Entra ID asks: login, consent or select_account."
        ),
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="SCOPE", help="Permission besides those of AZURE_SCOPES; repeatable."
        ),
    ] = None,
    no_browser: NoBrowser = False,
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Maximum wait for the person to sign in.")
    ] = 300,
    json: Json = False,
) -> None:
    """Sign a person in with their browser, and keep their tokens.

    With --json the first line has the address to sign in at, the second the person who signed in.
    """
    scopes = " ".join(scope or ())

    async def work(app: "App") -> "SignedIn":
        require_settings(app)
        service = app.container.auth().service()
        if device_code:
            return await _with_code(
                await service.begin_device(email, scopes=scopes), service, timeout, json=json
            )
        with_browser = opens_browser(no_browser=no_browser)
        request = await service.begin(email, prompt=prompt, scopes=scopes)
        return await _with_browser(request, service, email, timeout, opens=with_browser, json=json)

    signed_in = run(work, "auth.service", "account_publisher", creates=True)
    name = f" as {signed_in.name}" if signed_in.name else ""
    show(f"{signed_in.account} is signed in{name}", signed_in.model_dump(), json=json)
    if signed_in.warning:
        note(signed_in.warning)


async def _with_browser(
    request: "AuthorizationRequest",
    service: "AuthService",
    email: str,
    timeout: float,
    *,
    opens: bool,
    json: bool,
) -> "SignedIn":
    from iacs.auth.loopback_listener import LoopbackListener

    async with LoopbackListener(
        request.redirect_uri, request.state, service.complete, account=email
    ) as listener:
        note(f"Sign in as {email} at this address:")
        show(request.url, {"url": request.url, "expires_at": request.expires_at}, json=json)
        if opens:
            await open_browser(request.url)
        return await listener.signed_in(timeout=timeout)


async def _with_code(
    sign_in: "DeviceSignIn", service: "AuthService", timeout: float, *, json: bool
) -> "SignedIn":
    show(sign_in.message, sign_in.model_dump(exclude={"device"}), json=json)
    try:
        async with asyncio.timeout(timeout):
            return await service.complete_device(sign_in)
    except TimeoutError:
        raise AuthenticationError(
            f"nobody entered the code within {timeout:g} seconds",
            hint=f"try again: iacs auth login {sign_in.account} --device-code",
        ) from None


@app.command()
def retry(
    email: Annotated[
        str, typer.Argument(metavar="[EMAIL]", help="Address of an account (default: all that need it).")
    ] = "",
    json: Json = False,
) -> None:
    """Retry the renewals that Entra ID refused, after the cause was fixed.

    It does not wait for the next attempt of a running service, which notices the new tokens.
    """
    outcomes = run(lambda app: _retry(app, email), "account_tokens")
    for account, problem in outcomes.items():
        document = {"account": account, "renewed": not problem, "problem": problem}
        show(problem or f"{account} has access again", document, json=json)
    if not outcomes:
        note("no account needs it; list them with: iacs account list")
    raise typer.Exit(1 if any(outcomes.values()) else 0)


@app.command()
def keepalive(
    idle_days: Annotated[
        float, typer.Option("--idle-days", min=0, metavar="DAYS", help="Renew grants unused for so long.")
    ] = 30,
    json: Json = False,
) -> None:
    """Renew idle grants before their refresh tokens expire, after 90 days in Entra ID.

    For a scheduler, once a day. Each account has its own period, of between half of DAYS and all of them, so that
    accounts are not all renewed on the same day.
    """
    outcomes = run(
        lambda app: app.container.account_tokens().keep_alive(idle_days=idle_days), "account_tokens"
    )
    for account, error in outcomes.items():
        problem = error.message_with_hint if error else ""
        document = {"account": account, "renewed": not problem, "problem": problem}
        show(problem or f"the grant of {account} is renewed", document, json=json)
    if not outcomes:
        note("no grant is due")
    raise typer.Exit(1 if any(outcomes.values()) else 0)


async def _retry(app: "App", email: str) -> dict[str, str]:
    """Return the problem of each account; empty if its tokens were renewed."""
    accounts, tokens = app.container.account().service(), app.container.account_tokens()
    waiting = [account.email for account in await accounts.list() if account.status == "sign_in_required"]
    outcomes: dict[str, str] = {}
    for address in [email] if email else waiting:
        try:
            await tokens.retry(address)
        except (AuthenticationError, APIConnectionError) as error:
            outcomes[address] = error.message_with_hint
        else:
            outcomes[address] = ""
    return outcomes


@app.command()
def logout(email: Email, json: Json = False) -> None:
    """Forget a person's tokens."""
    run(lambda app: app.container.auth().service().sign_out(email), "auth.service", "account_publisher")
    show(f"{email} is signed out", {"account": email, "signed_in": False}, json=json)
