"""Suggestions for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return `did you mean 'x'?` for the nearest of the known names, or `otherwise` when none is near."""
    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]!r}?" if close else otherwise
