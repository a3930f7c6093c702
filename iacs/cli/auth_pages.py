"""`iacs auth serve` and `iacs auth link`: the sign-in pages."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Email, Json
from iacs.cli.output import instant, note, show
from iacs.cli.running import run
from iacs.cli.sign_in import NoBrowser, open_browser, opens_browser, require_settings

if TYPE_CHECKING:
    from iacs.cli.running import App


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
    opens = opens_browser(no_browser=no_browser)
    run(
        lambda app: _serve(app, port, host=host, opens=opens, json=json),
        "auth.pages",
        "account_publisher",
        creates=True,
    )


async def _serve(app: "App", port: int | None, *, host: str, opens: bool, json: bool) -> None:
    from iacs.auth.pages.server import PagesServer

    redirect_uri = require_settings(app).azure_redirect_uri

    def show_url(url: str) -> None:
        show(url, {"url": url}, json=json)

    pages = app.container.auth().pages()
    async with PagesServer(pages, redirect_uri, port=port, host=host, on_new_url=show_url) as server:
        note("Open this address to see the accounts; Ctrl-C ends the server:")
        show_url(server.operator_url)
        if opens:
            await open_browser(server.operator_url)
        await asyncio.Event().wait()


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
    show(made.url, {"account": made.account, "url": made.url, "expires_at": made.expires_at}, json=json)
    note(f"Send it to {made.account} only; it is valid until {instant(made.expires_at)} UTC.")
