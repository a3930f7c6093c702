"""The fixtures for tests that pytest-asyncio runs, in strict mode too."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from iacs.testing.stage import overlaying_in_loop, running_in_loop

if TYPE_CHECKING:
    from dependency_injector.containers import Container

    from iacs.runtime import Application, Overlay
    from iacs.testing.stage import Roots


@pytest_asyncio.fixture
async def iacs_asyncio_application(
    iacs_container: "Container", iacs_roots: "Roots"
) -> "AsyncIterator[Application[Any]]":
    """A started application in the event loop of the test."""
    async with running_in_loop(iacs_container, iacs_roots) as started:
        yield started


@pytest_asyncio.fixture
async def iacs_asyncio_overlay(application: "Application[Any]") -> "AsyncIterator[Callable[..., Overlay]]":
    """A function that enters overlays; they are left in the event loop of the test."""
    async with overlaying_in_loop(application) as enter:
        yield enter
