"""https://python-dependency-injector.ets-labs.org: examples/fastapi; it has no scopes, so nothing is closed.

Its nearest thing to a part of a request is one per context.
"""

from typing import Annotated

from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject
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
)


class Container(containers.DeclarativeContainer):
    """Two singletons, and seven parts of a context."""

    settings = providers.Singleton(Settings)
    a = providers.Singleton(make_a, settings)
    b = providers.Singleton(B, a)
    c = providers.ContextLocalSingleton(C)
    d = providers.ContextLocalSingleton(D, c)
    e = providers.ContextLocalSingleton(E, c, d)
    f = providers.ContextLocalSingleton(F, c, d, e)
    g = providers.ContextLocalSingleton(G, c, d, e, f)
    h = providers.ContextLocalSingleton(H, c, d)
    i = providers.ContextLocalSingleton(I, e, f)


@inject
async def singleton(
    a: Annotated[A, Depends(Provide[Container.a])], b: Annotated[B, Depends(Provide[Container.b])]
) -> dict[str, str]:
    """Read the singletons."""
    return answer_singleton(a, b)


@inject
async def scoped(
    c: Annotated[C, Depends(Provide[Container.c])],
    cc: Annotated[C, Depends(Provide[Container.c])],
    ccc: Annotated[C, Depends(Provide[Container.c])],
    d: Annotated[D, Depends(Provide[Container.d])],
    dd: Annotated[D, Depends(Provide[Container.d])],
    e: Annotated[E, Depends(Provide[Container.e])],
    f: Annotated[F, Depends(Provide[Container.f])],
    g: Annotated[G, Depends(Provide[Container.g])],
    h: Annotated[H, Depends(Provide[Container.h])],
    i: Annotated[I, Depends(Provide[Container.i])],
) -> dict[str, str]:
    """Read the parts of the context."""
    return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)


def serve() -> FastAPI:
    """Wire this module, and add the routes."""
    Container().wire(modules=[__name__])
    api = FastAPI()
    api.get("/singleton")(singleton)
    api.get("/scoped")(scoped)
    return api
