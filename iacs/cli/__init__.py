"""The command line `iacs …`: the one place that prints."""

from iacs.cli.app import main

__all__ = ["main"]
