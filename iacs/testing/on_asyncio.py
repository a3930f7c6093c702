"""The fixtures for tests that pytest-asyncio runs, also in strict mode: two for each scope that an event loop may have."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest_asyncio

from iacs.testing.stage import Stage, running_in_loop, staging_in_loop

if TYPE_CHECKING:
    from dependency_injector.containers import Container

    from iacs.runtime import Application
    from iacs.testing.stage import Roots

LoopScope = Literal["function", "class", "module", "package", "session"]
LOOP_SCOPES: Final[tuple[LoopScope, ...]] = ("function", "class", "module", "package", "session")


def _fixtures(loop_scope: LoopScope) -> dict[str, Any]:
    """Return the fixtures for tests that run in the event loop of that scope, by name."""
    names = (f"iacs_asyncio_{loop_scope}_application", f"iacs_asyncio_{loop_scope}_stage")

    @pytest_asyncio.fixture(loop_scope=loop_scope, name=names[0])
    async def application(
        iacs_container: "Container", iacs_roots: "Roots"
    ) -> "AsyncIterator[Application[Any]]":
        """A started application in the event loop of the test."""
        async with running_in_loop(iacs_container, iacs_roots) as started:
            yield started

    @pytest_asyncio.fixture(loop_scope=loop_scope, name=names[1])
    async def stage(application: "Application[Any]") -> AsyncIterator[Stage]:
        """The overlays and scopes of the test; they are left in its event loop."""
        async with staging_in_loop(application) as staged:
            yield staged

    return {names[0]: application, names[1]: stage}


for scope in LOOP_SCOPES:
    globals().update(_fixtures(scope))
