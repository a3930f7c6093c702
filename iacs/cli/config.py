"""`iacs config …`: the settings and their sources."""

import typer

from iacs.cli.options import Json
from iacs.cli.output import line, note, print_json
from iacs.cli.table import print_table

app = typer.Typer(rich_markup_mode=None)


@app.command()
def show(json: Json = False) -> None:
    """Show every setting, its source and its value; secrets are masked."""
    from iacs.core.config import Config

    config = Config()
    for mistake in config.likely_mistakes():
        note(mistake)
    rows = config.rows()
    if json:
        for row in rows:
            print_json(row._asdict())
    else:
        print_table(
            ("setting", "source", "value"), [(row.name, row.source, row.value or None) for row in rows]
        )


@app.command("new-key")
def new_key(json: Json = False) -> None:
    """Generate a key for TOKEN_ENCRYPTION_KEY."""
    from iacs.core.encryption import Encryption

    key = Encryption.new_key()
    if json:
        print_json({"key": key})
    else:
        line(key)
