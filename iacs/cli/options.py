"""Options and arguments that several commands share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per line.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Address of an enrolled account.")]
Container = Annotated[
    str, typer.Argument(metavar="MODULE:CONTAINER", help="Container, such as shop.containers:ShopContainer.")
]
