"""No library: module-like globals, constructors called in order, context managers."""

from contextlib import asynccontextmanager, contextmanager

from fastapi import FastAPI

from benchmarks.served.graph import (
    B,
    C,
    D,
    E,
    F,
    G,
    Settings,
    answer_scoped,
    answer_singleton,
    make_a,
    open_h,
    open_i,
)


def serve() -> FastAPI:
    """Build the singletons now, and the parts of a request in its route."""
    a = make_a(Settings())
    b = B(a)
    api = FastAPI()

    @api.get("/singleton")
    async def singleton() -> dict[str, str]:
        return answer_singleton(a, b)

    @api.get("/scoped")
    async def scoped() -> dict[str, str]:
        c = C()
        d = D(c)
        e = E(c, d)
        f = F(c, d, e)
        g = G(c, d, e, f)
        with contextmanager(open_h)(c, d) as h:
            async with asynccontextmanager(open_i)(e, f) as i:
                return answer_scoped(c, c, c, d, d, e, f, g, h, i)

    return api
