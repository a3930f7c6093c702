"""`iacs tokens …`: the tokens that the database keeps, all accounts at once."""

import typer

from iacs.cli.options import Json
from iacs.cli.output import counted, note, show
from iacs.cli.running import run

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def tokens() -> None:
    """Change the key that encrypts stored tokens."""


@app.command("rotate-key")
def rotate_key(json: Json = False) -> None:
    """Encrypt the data keys of all accounts with the first key of TOKEN_ENCRYPTION_KEY.

    First set TOKEN_ENCRYPTION_KEY=new,old and restart every process that uses it; when this command has succeeded, remove
    the old key. It is safe beside a running service, and can be repeated.
    """
    done = run(lambda app: app.container.account_tokens().rotate_key(), "account_tokens")
    show(
        f"the data keys of {counted(done.rotated, 'account')} are encrypted with the current key",
        {"rotated": done.rotated, "problems": dict(done.problems)},
        json=json,
    )
    for problem in done.problems.values():
        note(problem)
    raise typer.Exit(1 if done.problems else 0)
