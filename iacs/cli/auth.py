"""`iacs auth …`: sign people in and out."""

import asyncio
import sys
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iacs.cli.options import Email, Json
from iacs.cli.output import instant, line, note, print_json
from iacs.cli.running import run
from iacs.core.config import Config
from iacs.core.exceptions import APIConnectionError, AuthenticationError
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient

if TYPE_CHECKING:
    from iacs.auth import AuthorizationRequest, AuthService, DeviceSignIn, SignedIn
    from iacs.cli.running import App

app = typer.Typer(help="Sign people in and out.", rich_markup_mode=None)

NoBrowser = Annotated[
    bool,
    typer.Option(
        "--no-browser",
        help="Print the address instead of opening a browser (always, if there is no terminal).",
    ),
]


@app.command()
def login(
    email: Email,
    device_code: Annotated[
        bool, typer.Option("--device-code", help="Sign in on any device, with a code.")
    ] = False,
    prompt: Annotated[
        str, typer.Option("--prompt", help="What Entra ID asks: login, consent or select_account.")
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission besides those of AZURE_SCOPES (repeatable)."),
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
        _require_settings(app)
        service = app.container.auth().service()
        if device_code:
            return await _with_code(
                await service.begin_device(email, scopes=scopes), service, timeout, json=json
            )
        with_browser = not no_browser and sys.stdin.isatty() and sys.stderr.isatty()
        request = await service.begin(email, prompt=prompt, scopes=scopes)
        return await _with_browser(request, service, email, timeout, opens=with_browser, json=json)

    signed_in = run(work, "auth.service", "account_publisher", creates=True)
    name = f" as {signed_in.name}" if signed_in.name else ""
    _show(f"{signed_in.account} is signed in{name}", signed_in.model_dump(), json=json)
    if signed_in.warning:
        note(signed_in.warning)


def _require_settings(app: "App") -> Config:
    """Return the settings; raise ConfigurationError for those that a sign-in cannot do without."""
    config = app.container.core().config()
    return config.require("azure_client_id", *([] if config.token_key_provider else ["token_encryption_key"]))


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
        _show(request.url, {"url": request.url, "expires_at": request.expires_at}, json=json)
        if opens:
            await _open(request.url)
        return await listener.signed_in(timeout=timeout)


async def _open(url: str) -> None:
    import webbrowser

    if not await asyncio.to_thread(webbrowser.open, url):
        note("No browser could be opened; open the address in a browser on this machine.")


async def _with_code(
    sign_in: "DeviceSignIn", service: "AuthService", timeout: float, *, json: bool
) -> "SignedIn":
    _show(sign_in.message, sign_in.model_dump(exclude={"device"}), json=json)
    try:
        async with asyncio.timeout(timeout):
            return await service.complete_device(sign_in)
    except TimeoutError:
        raise AuthenticationError(
            f"nobody entered the code within {timeout:g} seconds",
            hint=f"try again: iacs auth login {sign_in.account} --device-code",
        ) from None


def _show(text: str, document: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        line(text)


@app.command()
def retry(
    email: Annotated[
        str, typer.Argument(metavar="[EMAIL]", help="Address of an account (default: all that need it).")
    ] = "",
    json: Json = False,
) -> None:
    """Renew tokens again that Entra ID refused to renew, after the cause was fixed.

    It does not wait for the next attempt of a running service, which notices the new tokens.
    """
    outcomes = run(lambda app: _retry(app, email), "account_tokens")
    for account, problem in outcomes.items():
        document = {"account": account, "renewed": not problem, "problem": problem}
        _show(problem or f"{account} has access again", document, json=json)
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

    For a scheduler, once a day: an account is due after between half of DAYS and all of them, so that not all are
    renewed on the same day.
    """
    outcomes = run(
        lambda app: app.container.account_tokens().keep_alive(idle_days=idle_days), "account_tokens"
    )
    for account, error in outcomes.items():
        problem = error.message_with_hint if error else ""
        document = {"account": account, "renewed": not problem, "problem": problem}
        _show(problem or f"the grant of {account} is renewed", document, json=json)
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


@app.command("admin-consent")
def admin_consent(
    tenant: Annotated[
        str, typer.Option("--tenant", help="Directory id or domain (default: AZURE_TENANT_ID).")
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="A permission to consent to, repeatable (default: all that the app registration lists).",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print the address at which an administrator consents to the permissions for everybody in a tenant.

    Afterwards the browser is sent to the redirect address, where nothing listens unless a service of yours does.
    """

    async def work(app: "App") -> str:
        return app.get(OAuthClient).admin_consent_url(tenant_id=tenant, scopes=" ".join(scope or ()))

    url = run(work, OAuthClient, creates=True)
    _show(url, {"url": url}, json=json)


@app.command()
def doctor(json: Json = False) -> None:
    """Check settings, Entra ID, clock, registration, redirect address, credential and Graph, and print what to do."""
    healthy = run(partial(_examine, json=json), OAuthClient, HttpClient)
    raise typer.Exit(0 if healthy else 1)


async def _examine(app: "App", *, json: bool) -> bool:
    from iacs.auth import Doctor

    config = app.container.core().config()
    examination = Doctor(
        app.get(HttpClient),
        app.get(OAuthClient),
        authority_host=config.azure_authority_host,
        graph_url=config.graph_url,
    )
    healthy = True
    async for diagnosis in examination.examine():
        healthy = healthy and not diagnosis.problem
        words = diagnosis.note
        if diagnosis.problem:
            words = "; ".join(filter(None, (diagnosis.problem, diagnosis.hint, f"see {diagnosis.guide}")))
        text = f": {words}" if words else ""
        _show(
            f"{'problem' if diagnosis.problem else 'ok':8} {diagnosis.step}{text}",
            asdict(diagnosis),
            json=json,
        )
    return healthy


@app.command()
def serve(
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            metavar="PORT",
            help="Port for a reverse proxy (default: that of AZURE_REDIRECT_URI).",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on, such as 0.0.0.0 (default: this machine only).",
        ),
    ] = "",
    no_browser: NoBrowser = False,
    json: Json = False,
) -> None:
    """Serve the sign-in pages: the accounts, and where people sign in.

    They are beside AZURE_REDIRECT_URI, on this machine. The address that is printed has a key and opens the accounts in
    one browser, for 12 hours; it is then replaced by another one. People without it need a link: iacs auth link EMAIL.
    """
    opens = not no_browser and sys.stdin.isatty() and sys.stderr.isatty()
    run(
        lambda app: _serve(app, port, host=host, opens=opens, json=json),
        "auth.pages",
        "account_publisher",
        creates=True,
    )


async def _serve(app: "App", port: int | None, *, host: str, opens: bool, json: bool) -> None:
    from iacs.auth.pages.server import PagesServer

    redirect_uri = _require_settings(app).azure_redirect_uri

    def show(url: str) -> None:
        _show(url, {"url": url}, json=json)

    pages = app.container.auth().pages()
    async with PagesServer(pages, redirect_uri, port=port, host=host, on_new_url=show) as server:
        note("Open this address to see the accounts; Ctrl-C ends the server:")
        show(server.operator_url)
        if opens:
            await _open(server.operator_url)
        await asyncio.Event().wait()


@app.command()
def link(
    email: Email,
    hours: Annotated[
        float, typer.Option(min=0.01, max=24 * 30, metavar="HOURS", help="How long the link is valid.")
    ] = 24,
    json: Json = False,
) -> None:
    """Print a link with which one person signs in, once, without seeing any other account.

    It leads to the sign-in pages, so these have to be served: by iacs auth serve, or by your own service.
    """
    made = run(lambda app: app.container.auth().links().create(email, hours=hours), "auth.links")
    _show(made.url, {"account": made.account, "url": made.url, "expires_at": made.expires_at}, json=json)
    note(f"Send it to {made.account} only; it is valid until {instant(made.expires_at)} UTC.")


@app.command()
def logout(email: Email, json: Json = False) -> None:
    """Forget a person's tokens."""
    run(lambda app: app.container.auth().service().sign_out(email), "auth.service", "account_publisher")
    _show(f"{email} is signed out", {"account": email, "signed_in": False}, json=json)
