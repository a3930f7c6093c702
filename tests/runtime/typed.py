"""Classes and functions whose annotations say what they are and give."""

import enum
from typing import (
    Generic,
    NamedTuple,
    NewType,
    Protocol,
    TypedDict,
    TypeVar,
    runtime_checkable,
)

T = TypeVar("T")
Bound = TypeVar("Bound", bound=Exception)
OneOf = TypeVar("OneOf", str, bytes)
UserId = NewType("UserId", int)


class Base:
    def query(self) -> str:
        raise AssertionError("built")


class Sub(Base):
    pass


class Other:
    pass


class Queries(Protocol):
    def query(self) -> str: ...


@runtime_checkable
class Named(Protocol):
    name: str


class HasName:
    def __init__(self) -> None:
        self.name = ""


class HasAnything:
    def __init__(self, **names: str) -> None:
        for name, value in names.items():
            setattr(self, name, value)


class Choosing:
    def __new__(cls) -> "Choosing":  # noqa: PYI034 - it chooses
        return object.__new__(Chosen)


class Chosen(Choosing):
    pass


class Color(enum.Enum):
    RED = "red"


class Row(TypedDict):
    id: int


class Pair(NamedTuple):
    left: int


class Repository(Generic[T]):
    pass


def make_base() -> Base:
    raise AssertionError("called")


def make_maybe() -> Base | None:
    raise AssertionError("called")


def make_none() -> None:
    raise AssertionError("called")


def make_numbers() -> list[int]:
    raise AssertionError("called")


def make_users() -> Repository[int]:
    raise AssertionError("called")
