"""`iacs auth admin-consent` and `iacs auth doctor`: the registration of the application in Entra ID."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Json
from iacs.cli.output import show
from iacs.cli.running import run
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient

if TYPE_CHECKING:
    from iacs.cli.running import App


def admin_consent(
    tenant: Annotated[
        str,
        typer.Option("--tenant", metavar="TENANT", help="Directory id or domain (default: AZURE_TENANT_ID)."),
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="Permission to consent to; repeatable (default: all that the app registration lists).",
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
    show(url, {"url": url}, json=json)


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
        show(
            f"{'problem' if diagnosis.problem else 'ok':8} {diagnosis.step}{text}",
            asdict(diagnosis),
            json=json,
        )
    return healthy
