"""Which context managers receive an error: those that can do something about it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress

import pytest

from iacs.runtime.lifecycle.throwing import details, details_for

NOTHING = (None, None, None)


def _clean_up() -> None: ...


def plain() -> Iterator[None]:
    yield


def finishing() -> Iterator[None]:
    try:
        yield
    finally:
        _clean_up()


def catching() -> Iterator[None]:
    try:
        yield
    except LookupError:
        _clean_up()


def surrounded() -> Iterator[None]:
    with nullcontext():
        yield


def after_a_block() -> Iterator[None]:
    with suppress(LookupError):
        _clean_up()
    yield


def delegating() -> Iterator[None]:
    yield from finishing()


def in_a_loop() -> Iterator[None]:
    for _ in range(2):
        yield


async def plain_async() -> AsyncIterator[None]:
    yield


async def finishing_async() -> AsyncIterator[None]:
    try:
        yield
    finally:
        _clean_up()


async def surrounded_async() -> AsyncIterator[None]:
    async with nullcontext():
        yield


@pytest.mark.parametrize(
    ("make", "receives"),
    [
        (plain, False),
        (in_a_loop, False),
        (after_a_block, False),
        (finishing, True),
        (catching, True),
        (surrounded, True),
        (delegating, True),
    ],
)
def test_a_generator_receives_an_error_that_it_can_handle(
    make: Callable[[], Iterator[None]], receives: bool
) -> None:
    error = LookupError()
    manager = contextmanager(make)()
    manager.__enter__()
    assert details_for(manager, error) == (details(error) if receives else NOTHING)
    assert details_for(manager, None) == NOTHING


@pytest.mark.parametrize(
    ("make", "receives"), [(plain_async, False), (finishing_async, True), (surrounded_async, True)]
)
async def test_an_asynchronous_generator_receives_an_error_that_it_can_handle(
    make: Callable[[], AsyncIterator[None]], receives: bool
) -> None:
    error = LookupError()
    manager = asynccontextmanager(make)()
    await manager.__aenter__()
    assert details_for(manager, error) == (details(error) if receives else NOTHING)
    await manager.__aexit__(None, None, None)


def test_any_other_context_manager_receives_every_error() -> None:
    class Manager:
        def __exit__(self, *error: object) -> None: ...

    error = LookupError()
    assert details_for(Manager(), error) == details(error) == (LookupError, error, None)
