"""Names that are nearly the name of a setting."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from inspect import signature

from pydantic_settings import BaseSettings

from iacs.suggestions import suggestion

_SIMILARITY = 0.9
"""Of difflib: one or two letters of a name; `DATABSE_URL` is 0.96 away from `DATABASE_URL`."""


def misspelt(names: Iterable[str], known: Collection[str], given: Collection[str]) -> dict[str, str]:
    """Return the names that are probably typos, with the settings that they resemble.

    A setting that has a value under its own name is not looked for: a host application may have both DATABASE_URL and
    DATABASE_URI.
    """
    wanted = [name for name in known if name not in given]
    near = {
        name: get_close_matches(name.upper(), wanted, 1, _SIMILARITY)
        for name in names
        if name.upper() not in known
    }
    return {name: matches[0] for name, matches in near.items() if matches}


def problems_of_arguments(names: Iterable[str], fields: Collection[str]) -> list[str]:
    """Describe each keyword argument of Config that is neither a setting nor an option of pydantic's."""
    known = [*fields, *(name for name in signature(BaseSettings.__init__).parameters if name[0] == "_")]
    return [
        f"{name}: there is no such setting; {suggestion(name, known, otherwise='remove it')}"
        for name in names
        if name not in known
    ]
