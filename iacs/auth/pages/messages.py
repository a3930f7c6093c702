"""Requests and responses of the pages, independent of the web framework."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self
from urllib.parse import parse_qsl

MAX_BODY_BYTES = 16_384
_MAX_FIELDS = 50


@dataclass(frozen=True)
class PageRequest:
    """A request for one of the pages.

    `page` is the last segment of the path, `headers` have names in lower case. An operator sees all accounts.
    """

    method: str
    page: str
    query_string: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    is_operator: bool = False

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; empty if it cannot be read."""
        return _fields(self.query_string)

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of the form; empty if it cannot be read."""
        return _fields(self.body.decode("latin-1"))

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies; one that is malformed, as another application may set it, does not hide the others."""
        pairs = (pair.partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs}


@dataclass(frozen=True)
class PageResponse:
    """Status, HTML and headers of a response."""

    status: int
    body: str = field(default="", repr=False)
    headers: Sequence[tuple[str, str]] = field(default=(), repr=False)

    def after(self, *headers: tuple[str, str]) -> Self:
        """Return the response with more headers, before its own."""
        return replace(self, headers=(*headers, *self.headers))


def _fields(text: str) -> Mapping[str, str]:
    """Return the first value of each field: whoever adds a second one cannot replace it."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    return dict(reversed(pairs))
