"""What the sign-in commands share: the settings that they need, and the browser of the user who runs them."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.output import note
from iacs.core.config import Config

if TYPE_CHECKING:
    from iacs.cli.running import App

NoBrowser = Annotated[
    bool,
    typer.Option(
        "--no-browser",
        help="Print the address instead of opening a browser (always, if there is no terminal).",
    ),
]


def require_settings(app: "App") -> Config:
    """Return the settings; raise ConfigurationError for those that a sign-in cannot do without."""
    config = app.container.core().config()
    return config.require("azure_client_id", *([] if config.token_key_provider else ["token_encryption_key"]))


def opens_browser(*, no_browser: bool) -> bool:
    """Return whether a command opens a browser: it runs on a terminal, and nobody forbade it."""
    return not no_browser and sys.stdin.isatty() and sys.stderr.isatty()


async def open_browser(url: str) -> None:
    """Open an address; say so if there is no browser."""
    import webbrowser

    if not await asyncio.to_thread(webbrowser.open, url):
        note("No browser could be opened; open the address in a browser on this machine.")
