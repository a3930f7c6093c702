"""Every shape of constructor and function with a declared result; none may be called."""

import contextlib
import functools
import typing
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from enum import Enum
from typing import Any, NamedTuple, NewType, Self, TypeVar

from dependency_injector import resources

if typing.TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")


class Part:
    def __init__(self, size: int = 1) -> None:
        raise AssertionError("built")

    @classmethod
    def create(cls) -> Self:
        raise AssertionError("built")

    def text(self) -> str:
        raise AssertionError("called")

    def __call__(self) -> bytes:
        raise AssertionError("called")


class Better(Part):
    pass


def annotated() -> Part:
    raise AssertionError("called")


def quoted() -> "Part":
    raise AssertionError("called")


def for_the_checker_only(size: "Decimal") -> "Decimal":
    raise AssertionError("called")


def nested() -> "list[Part]":
    raise AssertionError("called")


def silent():  # type: ignore[no-untyped-def]
    raise AssertionError("called")


async def awaited() -> Part:
    raise AssertionError("called")


def awaitable() -> Awaitable[Part]:
    raise AssertionError("called")


def generating() -> Iterator[Part]:
    yield Part()


def generating_more() -> Generator[Part, None, None]:
    yield Part()


async def generating_later() -> AsyncIterator[Part]:
    yield Part()


@contextlib.contextmanager
def managed() -> Iterator[Part]:
    yield Part()


@contextlib.asynccontextmanager
async def managed_later() -> AsyncIterator[Part]:
    yield Part()


def managing() -> contextlib.AbstractContextManager[Part]:
    raise AssertionError("called")


@functools.cache
def cached() -> Part:
    raise AssertionError("called")


def traced(call: Any) -> Any:
    @functools.wraps(call)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    return wrapper


@traced
def decorated() -> Part:
    raise AssertionError("called")


def anything() -> Any:
    raise AssertionError("called")


def generic(value: T) -> T:
    raise AssertionError("called")


class Session:
    def __enter__(self) -> Part:
        raise AssertionError("entered")

    def __exit__(self, *error: object) -> None:
        raise AssertionError("left")


class Itself:
    def __enter__(self) -> Self:
        raise AssertionError("entered")

    def __exit__(self, *error: object) -> None:
        raise AssertionError("left")


class Silent:
    async def __aenter__(self):  # type: ignore[no-untyped-def]
        raise AssertionError("entered")

    async def __aexit__(self, *error: object) -> None:
        raise AssertionError("left")


class Initialised(resources.Resource[Part]):
    def init(self) -> Part:
        raise AssertionError("entered")


class Argued(resources.AsyncResource[Part]):
    async def init(self):  # type: ignore[no-untyped-def]
        raise AssertionError("entered")


class Color(Enum):
    RED = 1


class Point(NamedTuple):
    x: int


Name = NewType("Name", str)
