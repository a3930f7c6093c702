"""https://dishka.readthedocs.io: integrations/fastapi."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dishka import Provider, Scope, make_async_container
from dishka.integrations.fastapi import FromDishka, inject, setup_dishka
from fastapi import FastAPI

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


def services() -> Provider:
    """Declare the parts."""
    provider = Provider(scope=Scope.APP)
    provider.provide(lambda: Settings(), provides=Settings)
    provider.provide(make_a)
    provider.provide(B)
    for made in (C, D, E, F, G, open_h, open_i):
        provider.provide(made, scope=Scope.REQUEST)
    return provider


def serve() -> FastAPI:
    """Declare the routes."""
    container = make_async_container(services())

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        yield
        await container.close()

    api = FastAPI(lifespan=lifespan)

    @api.get("/singleton")
    @inject
    async def singleton(a: FromDishka[A], b: FromDishka[B]) -> dict[str, str]:
        return answer_singleton(a, b)

    @api.get("/scoped")
    @inject
    async def scoped(
        c: FromDishka[C],
        cc: FromDishka[C],
        ccc: FromDishka[C],
        d: FromDishka[D],
        dd: FromDishka[D],
        e: FromDishka[E],
        f: FromDishka[F],
        g: FromDishka[G],
        h: FromDishka[H],
        i: FromDishka[I],
    ) -> dict[str, str]:
        return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)

    setup_dishka(container, api)
    return api
