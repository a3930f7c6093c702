"""Suggestions for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches


def close_matches(name: str, known: Iterable[str], limit: int = 1) -> list[str]:
    """Return at most `limit` of the known names that resemble `name`, the closest first."""
    return get_close_matches(name, list(known), limit)


def did_you_mean(names: Iterable[str], *, otherwise: str) -> str:
    """Return `did you mean x or y?` for `names`, or `otherwise` when there are none."""
    choices = " or ".join(names)
    return f"did you mean {choices}?" if choices else otherwise


def suggestion(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return `did you mean 'x'?` for the closest of the known names, or `otherwise` when none is close."""
    return did_you_mean(map(repr, close_matches(name, known)), otherwise=otherwise)
