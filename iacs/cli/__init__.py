"""The command line `iacs …`, the only package that prints."""

from iacs.cli.app import main

__all__ = ["main"]
