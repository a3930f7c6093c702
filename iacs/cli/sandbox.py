"""`iacs sandbox`: a local stand-in for Microsoft's cloud."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iacs.cli.options import Json
from iacs.cli.output import counted, line, note, print_json
from iacs.cli.running import run_async
from iacs.core.exceptions import IACSGraphError

if TYPE_CHECKING:
    from iacs.sandbox import Sandbox

DEFAULT = "alice@contoso.example"


def sandbox(
    mailbox: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EMAIL=PATH",
            help="Address and its mail: an mbox file (also .gz), a Maildir or a folder of .eml files; "
            f"repeatable (default: {DEFAULT}, without mail).",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Port on loopback (0: any free port).")
    ] = 8365,
    https: Annotated[
        bool, typer.Option("--https", help="Serve HTTPS, with a certificate from a CA of its own.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="File that keeps people, mail and grants over restarts, with tokens; mail is then read for new "
            "addresses only.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a local stand-in for Microsoft's cloud.

    It prints the settings that direct the other commands to it, and runs until Ctrl-C.
    """
    run_async(_serve(_mailboxes(mailbox or [], state), port, https=https, state=state, json=json))


def _mailboxes(options: Sequence[str], state: Path | None) -> Mapping[str, Sequence[Path]]:
    from iacs.sandbox import SandboxError, parse_mailboxes

    try:
        return parse_mailboxes(options) or ({} if state and state.exists() else {DEFAULT: []})
    except SandboxError as error:
        raise typer.BadParameter(str(error), param_hint="--mailbox") from error


async def _serve(
    mailboxes: Mapping[str, Sequence[Path]], port: int, *, https: bool, state: Path | None, json: bool
) -> None:
    from iacs.sandbox import Sandbox, SandboxError, serve

    try:
        cloud = Sandbox(mailboxes, port=port, https=https, state=state)
        await serve(cloud, lambda started: _introduce(started, json=json))
    except SandboxError as error:
        is_port_taken = isinstance(error.__cause__, OSError) and "listen" in str(error)
        hint = "choose another port with --port" if is_port_taken else ""
        raise IACSGraphError(str(error), hint=hint) from error


def _introduce(cloud: "Sandbox", *, json: bool) -> None:
    counts = {address: len(cloud.mailbox(address).messages) for address in cloud.addresses}
    for address, count in counts.items():
        note(f"{address} has {counted(count, 'message')}")
    if json:
        print_json({"url": cloud.url, "settings": cloud.settings, "mailboxes": counts})
    else:
        note(f"{cloud.url}/ shows people, mailboxes, grants and the last requests")
        note("Paste these lines into the shell that runs the other commands; Ctrl-C stops the stand-in:")
        for name, value in cloud.settings.items():
            line(f"export {name}={shlex.quote(value)}")
