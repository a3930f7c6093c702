"""https://that-depends.modern-python.org: integrations/fastapi; everything of a request is a resource there."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI
from that_depends import BaseContainer, providers
from that_depends.providers import DIContextMiddleware
from that_depends.providers.context_resources import ContextScopes

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


def of_request(function: Callable[..., Any], **needed: Any) -> Any:
    """Declare a part of a request."""
    resource = providers.ContextResource(function, **needed)
    return resource.with_config(scope=ContextScopes.REQUEST, strict_scope=True)


def resource(cls: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Return a generator function that gives a `cls`."""

    def opened(**needed: Any) -> Iterator[Any]:
        yield cls(**needed)

    return opened


def services() -> Any:
    """Declare the container; annotated Any, because a class made inside a function cannot be named."""

    class Services(BaseContainer):
        alias = f"Served {uuid4()}"  # it warns when two containers have one name
        default_scope = ContextScopes.REQUEST
        settings = providers.Singleton(Settings)
        a = providers.Singleton(make_a, settings=settings.cast)
        b = providers.Singleton(B, a=a.cast)
        c = of_request(resource(C))
        d = of_request(resource(D), c=c)
        e = of_request(resource(E), c=c, d=d)
        f = of_request(resource(F), c=c, d=d, e=e)
        g = of_request(resource(G), c=c, d=d, e=e, f=f)
        h = of_request(open_h, c=c, d=d)
        i = of_request(open_i, e=e, f=f)

    return Services


def serve() -> FastAPI:
    """Declare the routes."""
    container = services()
    api = FastAPI()
    api.add_middleware(DIContextMiddleware, container, scope=ContextScopes.REQUEST)

    @api.get("/singleton")
    async def singleton(
        a: Annotated[A, Depends(container.a)], b: Annotated[B, Depends(container.b)]
    ) -> dict[str, str]:
        return answer_singleton(a, b)

    @api.get("/scoped")
    async def scoped(
        c: Annotated[C, Depends(container.c)],
        cc: Annotated[C, Depends(container.c)],
        ccc: Annotated[C, Depends(container.c)],
        d: Annotated[D, Depends(container.d)],
        dd: Annotated[D, Depends(container.d)],
        e: Annotated[E, Depends(container.e)],
        f: Annotated[F, Depends(container.f)],
        g: Annotated[G, Depends(container.g)],
        h: Annotated[H, Depends(container.h)],
        i: Annotated[I, Depends(container.i)],
    ) -> dict[str, str]:
        return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)

    return api
