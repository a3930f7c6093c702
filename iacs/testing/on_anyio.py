"""The fixtures for tests that anyio runs on asyncio."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from iacs.testing.stage import Stage, running_in_loop, staging_in_loop

if TYPE_CHECKING:
    from dependency_injector.containers import Container

    from iacs.runtime import Application
    from iacs.testing.stage import Roots


@pytest.fixture
async def iacs_anyio_application(
    iacs_container: "Container", iacs_roots: "Roots"
) -> "AsyncIterator[Application[Any]]":
    """A started application in the event loop of the test."""
    async with running_in_loop(iacs_container, iacs_roots) as started:
        yield started


@pytest.fixture
async def iacs_anyio_stage(application: "Application[Any]") -> AsyncIterator[Stage]:
    """The overlays and scopes of the test; they are left in its event loop."""
    async with staging_in_loop(application) as stage:
        yield stage
