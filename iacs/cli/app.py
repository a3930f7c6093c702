"""The entry point of the command line: `main`."""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from iacs.cli.commands import LazyGroup
from iacs.cli.edge import MISUSE, Edge
from iacs.cli.lean_imports import OWN_PROCESS

_COMPLETION = "_IACS_COMPLETE"
"""The variable in which a shell asks for completions."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command, by default the one of the command line, and return its exit code.

    0: done; 1: an error; 2: misuse; 130: Ctrl-C; 141: the reader of the output went away; 143: SIGTERM.
    """
    edge = Edge()
    if args is not None:
        return edge.run(lambda: _run(list(args), edge))
    OWN_PROCESS.set(True)
    with _few_collections():
        return edge.run(lambda: _run(sys.argv[1:], edge))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Collect no garbage while a command is imported, and none when the process ends.

    A short command spends a quarter of its CPU time on collections that find nothing but imported modules, of which
    it has 150,000 objects.
    """
    gc.set_threshold(200_000)
    try:
        yield
    finally:
        gc.freeze()


def _run(args: list[str], edge: Edge) -> int:
    """Run without typer's own `main`, which would handle a closed pipe and Ctrl-C itself."""
    command = typer.main.get_command(application())
    if _COMPLETION in os.environ:
        command.main(args, "iacs", _COMPLETION)
    try:
        with command.make_context("iacs", list(args or ["--help"]), obj=edge) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code if args else MISUSE
    return 0


def application() -> typer.Typer:
    """Return the application, whose commands are imported on demand.

    Without rich's markup, with which the help takes twice as long, and without pretty exceptions, which print
    local variables and therefore secrets.
    """
    app = typer.Typer(
        cls=LazyGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_iacs)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from iacs.cli.output import line

        line(f"iacs {version('iacsgraph')}")
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
    """Work with people's Microsoft 365 mailboxes.

    Settings come from the environment and from .env; see: iacs config show.
    Warnings and errors are logged to standard error; set LOG_LEVEL to log more or less.
    """
    context.obj.debug = debug
