"""https://fastapi.tiangolo.com: advanced/settings and tutorial/dependencies, singletons by lru_cache."""

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, FastAPI

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


@lru_cache
def get_settings() -> Settings:
    """Build the settings once."""
    return Settings()


@lru_cache
def get_a(settings: Annotated[Settings, Depends(get_settings)]) -> A:
    """Build the first singleton once."""
    return make_a(settings)


@lru_cache
def get_b(a: Annotated[A, Depends(get_a)]) -> B:
    """Build the second singleton once."""
    return B(a)


async def get_c() -> C:
    """Build a part of a request."""
    return C()


async def get_d(c: Annotated[C, Depends(get_c)]) -> D:
    """Build a part of a request."""
    return D(c)


async def get_e(c: Annotated[C, Depends(get_c)], d: Annotated[D, Depends(get_d)]) -> E:
    """Build a part of a request."""
    return E(c, d)


async def get_f(
    c: Annotated[C, Depends(get_c)], d: Annotated[D, Depends(get_d)], e: Annotated[E, Depends(get_e)]
) -> F:
    """Build a part of a request."""
    return F(c, d, e)


async def get_g(
    c: Annotated[C, Depends(get_c)],
    d: Annotated[D, Depends(get_d)],
    e: Annotated[E, Depends(get_e)],
    f: Annotated[F, Depends(get_f)],
) -> G:
    """Build a part of a request."""
    return G(c, d, e, f)


def get_h(c: Annotated[C, Depends(get_c)], d: Annotated[D, Depends(get_d)]) -> Iterator[H]:
    """Open the resource; FastAPI does so in a thread."""
    yield from open_h(c, d)


async def get_i(e: Annotated[E, Depends(get_e)], f: Annotated[F, Depends(get_f)]) -> AsyncIterator[I]:
    """Open the asynchronous resource."""
    async for i in open_i(e, f):
        yield i


def serve() -> FastAPI:
    """Declare the routes."""
    for function in (get_settings, get_a, get_b):
        function.cache_clear()
    api = FastAPI()

    @api.get("/singleton")
    async def singleton(a: Annotated[A, Depends(get_a)], b: Annotated[B, Depends(get_b)]) -> dict[str, str]:
        return answer_singleton(a, b)

    @api.get("/scoped")
    async def scoped(
        c: Annotated[C, Depends(get_c)],
        cc: Annotated[C, Depends(get_c)],
        ccc: Annotated[C, Depends(get_c)],
        d: Annotated[D, Depends(get_d)],
        dd: Annotated[D, Depends(get_d)],
        e: Annotated[E, Depends(get_e)],
        f: Annotated[F, Depends(get_f)],
        g: Annotated[G, Depends(get_g)],
        h: Annotated[H, Depends(get_h)],
        i: Annotated[I, Depends(get_i)],
    ) -> dict[str, str]:
        return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)

    return api
