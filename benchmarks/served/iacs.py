"""iacs.integrations.fastapi: parts as annotated parameters."""

from typing import Annotated

from dependency_injector import containers, providers
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
from iacs.integrations.fastapi import Part, setup
from iacs.runtime import Application, scoped


class Container(containers.DeclarativeContainer):
    """Two singletons, and seven parts of a request."""

    settings = providers.Singleton(Settings)
    a = providers.Singleton(make_a, settings)
    b = providers.Singleton(B, a)
    c = scoped.singleton(C)
    d = scoped.singleton(D, c)
    e = scoped.singleton(E, c, d)
    f = scoped.singleton(F, c, d, e)
    g = scoped.singleton(G, c, d, e, f)
    h = scoped.resource(open_h, c, d)
    i = scoped.resource(open_i, e, f)


class Other:
    """A part that no route asks for."""


def serve(others: int = 0) -> FastAPI:
    """Declare the routes; `others` is a number of further parts in the container."""
    container = Container()
    for number in range(others):
        container.set_provider(f"other_{number}", providers.Singleton(Other))
    api = FastAPI()
    setup(api, Application(container))

    @api.get("/singleton")
    async def singleton(a: Annotated[A, Part], b: Annotated[B, Part]) -> dict[str, str]:
        return answer_singleton(a, b)

    @api.get("/scoped")
    async def scoped(
        c: Annotated[C, Part],
        cc: Annotated[C, Part],
        ccc: Annotated[C, Part],
        d: Annotated[D, Part],
        dd: Annotated[D, Part],
        e: Annotated[E, Part],
        f: Annotated[F, Part],
        g: Annotated[G, Part],
        h: Annotated[H, Part],
        i: Annotated[I, Part],
    ) -> dict[str, str]:
        return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)

    return api
