"""https://svcs.hynek.me: integrations/fastapi; the routes take the container and read from it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from fastapi import FastAPI
from svcs import Container, Registry
from svcs.fastapi import DepContainer, lifespan

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


def resource_h(svcs_container: Container) -> Iterator[H]:
    """Open the resource."""
    yield from open_h(*svcs_container.get(C, D))


async def resource_i(svcs_container: Container) -> AsyncIterator[I]:
    """Open the asynchronous resource."""
    async for i in open_i(*svcs_container.get(E, F)):
        yield i


def register(registry: Registry) -> None:
    """Declare the parts."""
    settings = Settings()
    a = make_a(settings)
    registry.register_value(Settings, settings)
    registry.register_value(A, a)
    registry.register_value(B, B(a))
    registry.register_factory(C, C)
    registry.register_factory(D, lambda svcs_container: D(svcs_container.get(C)))
    registry.register_factory(E, lambda svcs_container: E(*svcs_container.get(C, D)))
    registry.register_factory(F, lambda svcs_container: F(*svcs_container.get(C, D, E)))
    registry.register_factory(G, lambda svcs_container: G(*svcs_container.get(C, D, E, F)))
    registry.register_factory(H, resource_h)
    registry.register_factory(I, resource_i)


async def start(_api: FastAPI, registry: Registry) -> AsyncGenerator[dict[str, object] | None, None]:
    """Register everything when the server starts."""
    register(registry)
    yield {}


def serve() -> FastAPI:
    """Declare the routes."""
    api = FastAPI(lifespan=lifespan(start))

    @api.get("/singleton")
    async def singleton(services: DepContainer) -> dict[str, str]:
        return answer_singleton(services.get(A), services.get(B))

    @api.get("/scoped")
    async def scoped(services: DepContainer) -> dict[str, str]:
        c, cc, ccc = services.get(C), services.get(C), services.get(C)
        d, dd, e, f, g = (
            services.get(D),
            services.get(D),
            services.get(E),
            services.get(F),
            services.get(G),
        )
        h, i = services.get(H), await services.aget(I)
        return answer_scoped(c, cc, ccc, d, dd, e, f, g, h, i)

    return api
