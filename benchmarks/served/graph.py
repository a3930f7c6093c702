"""The graph of wireup's public benchmark: two singletons over settings, and seven parts per request, two to close."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

counts: Counter[str] = Counter()
"""How often each part was built, and each resource closed: every library does the same work."""


class Counted:
    """Counts its instances by the name of the class."""

    def __post_init__(self) -> None:
        counts[type(self).__name__] += 1


@dataclass(frozen=True, eq=False)
class Settings(Counted):
    """What the singletons start from."""

    start: int = 10


@dataclass(frozen=True, eq=False)
class A(Counted):
    """A singleton."""

    start: int


@dataclass(frozen=True, eq=False)
class B(Counted):
    """A singleton that depends on the other."""

    a: A


@dataclass(frozen=True, eq=False)
class C(Counted):
    """The first part of a request."""


@dataclass(frozen=True, eq=False)
class D(Counted):
    """A part of a request."""

    c: C


@dataclass(frozen=True, eq=False)
class E(Counted):
    """A part of a request."""

    c: C
    d: D


@dataclass(frozen=True, eq=False)
class F(Counted):
    """A part of a request."""

    c: C
    d: D
    e: E


@dataclass(frozen=True, eq=False)
class G(Counted):
    """A part of a request."""

    c: C
    d: D
    e: E
    f: F


@dataclass(frozen=True, eq=False)
class H(Counted):
    """A resource of a request."""

    c: C
    d: D


@dataclass(frozen=True, eq=False)
class I(Counted):
    """An asynchronous resource of a request."""

    e: E
    f: F


def make_a(settings: Settings) -> A:
    """Make the first singleton."""
    return A(settings.start)


def open_h(c: C, d: D) -> Iterator[H]:
    """Open the resource and close it."""
    try:
        yield H(c, d)
    finally:
        counts["H closed"] += 1


async def open_i(e: E, f: F) -> AsyncIterator[I]:
    """Open the asynchronous resource and close it."""
    try:
        yield I(e, f)
    finally:
        counts["I closed"] += 1


def answer_singleton(a: A, b: B) -> dict[str, str]:
    """Answer a request that reads the singletons; each was annotated, and is what it says."""
    assert isinstance(a, A) and isinstance(b, B) and b.a is a and a.start == 10  # noqa: PT018, S101
    return {}


def answer_scoped(c: C, cc: C, ccc: C, d: D, dd: D, e: E, f: F, g: G, h: H, i: I) -> dict[str, str]:
    """Answer a request that reads the parts of a request, some of them more than once."""
    assert c is cc is ccc is h.c is g.c  # noqa: S101
    assert d is dd is h.d  # noqa: S101
    assert (g.e, g.f) == (i.e, i.f) == (e, f)  # noqa: S101
    return {}
