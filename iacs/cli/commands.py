"""The table of commands; a command is imported when it is run, so that `iacs --help` needs only this file."""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup


class Command(NamedTuple):
    """A command in the list of commands: its function or group, and one sentence of help."""

    target: str
    help: str


COMMANDS = {
    "init-db": Command("iacs.cli.database:init_db", "Create the database, or bring its schema up to date."),
    "database": Command("iacs.cli.database:app", "Back up the database."),
    "health": Command("iacs.cli.health:health", "Start the application and check that every part works."),
    "account": Command("iacs.cli.account:app", "Enrol, list, disable and enable accounts."),
    "auth": Command("iacs.cli.auth:app", "Sign people in and out."),
    "tokens": Command("iacs.cli.tokens:app", "Change the key that encrypts stored tokens."),
    "mail": Command("iacs.cli.mail:app", "Query and sync mailboxes."),
    "events": Command("iacs.cli.events:app", "Read, publish, replay and describe events."),
    "outbox": Command("iacs.cli.outbox:app", "List, retry or drop events that the broker rejects."),
    "check": Command("iacs.cli.check:check", "Check the wiring of a container without building anything."),
    "graph": Command("iacs.cli.graph:graph", "Draw the wiring of a container without building anything."),
    "explain": Command("iacs.cli.explain:explain", "Show where a part is declared and what it depends on."),
    "sandbox": Command("iacs.cli.sandbox:sandbox", "Run a local stand-in for Microsoft's cloud."),
    "config": Command("iacs.cli.config:app", "Show the settings and where each value comes from."),
}


class LazyGroup(TyperGroup):
    """A group that lists its commands from the table, and imports only the one that is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, command in COMMANDS.items():
            self.add_command(TyperCommand(name, short_help=command.help.rstrip(".")))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command, and the arguments after its name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load(name), rest


def load(name: str) -> Any:
    """Import the command of that name."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    target = getattr(import_module(module), attribute)
    if isinstance(target, typer.Typer):
        return _group(target, COMMANDS[name].help)
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name)(target)
    command = typer.main.get_command(app)
    _hide_types(command)
    return command


def _hide_types(command: Any) -> None:
    """List arguments by their names alone, where typer would add the Python type, as in `EMAIL <str>`."""
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            setattr(parameter, "display_type_rich", _no_type)  # noqa: B010 - a method


def _no_type(ctx: Any) -> None: ...


def _group(app: typer.Typer, help: str) -> TyperGroup:
    """Return the group, which lists the first sentence of every command untruncated."""
    group = typer.main.get_group(app)
    group.help = help
    for command in group.commands.values():
        _hide_types(command)
        command.short_help = " ".join((command.help or "").partition("\n\n")[0].split()).rstrip(".")
    return group
