"""The commands put together, and the way in: `main`."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from iacs.cli import account, auth, config, events, mail
from iacs.cli.check import check
from iacs.cli.database import init_db
from iacs.cli.edge import MISUSE, Edge
from iacs.cli.explain import explain
from iacs.cli.graph import graph
from iacs.cli.health import health
from iacs.cli.output import line
from iacs.cli.sandbox import sandbox


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done; 1: an error; 2: misused; 130: Ctrl-C; 141: nobody reads the output any more; 143: SIGTERM.
    """
    edge = Edge()
    given = list(sys.argv[1:] if args is None else args)
    return edge.run(lambda: _run(given, edge))


def _run(args: list[str], edge: Edge) -> int:
    """Run without typer's own `main`, which would answer for a closed pipe and for Ctrl-C itself."""
    command = typer.main.get_command(application())
    try:
        with command.make_context("iacs", list(args or ["--help"]), obj=edge) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code if args else MISUSE
    return 0


def application() -> typer.Typer:
    """Put the commands together.

    Without rich's markup, whose help takes twice as long to appear, and without pretty exceptions, which
    print local variables and so secrets.
    """
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_iacs)
    app.command("init-db")(init_db)
    app.command()(health)
    app.add_typer(account.app, name="account")
    app.add_typer(auth.app, name="auth")
    app.add_typer(mail.app, name="mail")
    app.add_typer(events.app, name="events")
    app.command()(check)
    app.command()(graph)
    app.command()(explain)
    app.command()(sandbox)
    app.add_typer(config.app, name="config")
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        line(f"iacs {version('iacs')}")
        raise typer.Exit


def _iacs(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="IACS_DEBUG", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Work on people's Microsoft 365 mailboxes.

    Settings come from the environment and from .env; see: iacs config show.
    Warnings and worse are logged, on standard error, unless LOG_LEVEL says otherwise.
    """
    context.obj.debug = debug
