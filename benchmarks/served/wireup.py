"""https://maldoinc.github.io/wireup: integrations/fastapi, with its route class."""

from typing import Any

import wireup
from fastapi import APIRouter, FastAPI
from wireup import Injected
from wireup.integration.fastapi import WireupRoute, setup

from benchmarks.served.graph import (
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    Settings,
    answer_scoped,
    answer_singleton,
    make_a,
    open_h,
    open_i,
)


def settings() -> Settings:
    """Make the settings: wireup would inject their field."""
    return Settings()


def injectables() -> list[Any]:
    """Declare the parts."""
    singletons = [wireup.injectable(made) for made in (settings, make_a, B)]
    of_request = (C, D, E, F, G, open_h, open_i)
    return [*singletons, *(wireup.injectable(made, lifetime="scoped") for made in of_request)]


def serve() -> FastAPI:
    """Declare the routes."""
    router = APIRouter(route_class=WireupRoute)

    @router.get("/singleton")
    async def singleton(a: Injected[A], b: Injected[B]) -> dict[str, str]:
        return answer_singleton(a, b)

    @router.get("/scoped")
    async def scoped(
        c: Injected[C],
        cc: Injected[C],
        ccc: Injected[C],
        d: Injected[D],
        dd: Injected[D],
        e: Injected[E],
        f: Injected[F],
        g: Injected[G],
        h: Injected[H],
        i: Injected[I],
    ) -> dict[str, str]:
        return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)

    api = FastAPI()
    api.include_router(router)
    setup(wireup.create_async_container(injectables=injectables()), api)
    return api
