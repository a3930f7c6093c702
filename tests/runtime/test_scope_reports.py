"""What reports say about scoped parts: the picture, the page, explanations, the timeline and health."""

from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers
from pydantic import BaseModel

from iacs.runtime import Application, scoped
from iacs.runtime.health import Status
from iacs.runtime.picture.draw import dot, from_json, mermaid, to_json
from iacs.runtime.picture.page import page


class Engine: ...


class Tenant(BaseModel):
    region: str = "north"


class Session:
    def __init__(self, engine: Engine, region: str) -> None:
        self.engine, self.region = engine, region

    def probe(self) -> str:
        return "open"


class Orders:
    def __init__(self, session: Session) -> None:
        self.session = session


def open_session(engine: Engine, region: str) -> Iterator[Session]:
    yield Session(engine, region)


class Container(containers.DeclarativeContainer):
    engine = providers.Singleton(Engine)
    tenant = scoped.value(Tenant)
    session = scoped.resource(open_session, engine, tenant.provided.region)
    orders = scoped.singleton(Orders, session)


@pytest.fixture
def app() -> Iterator[Application[Container]]:
    with Application(Container()).sync() as app:
        yield app


def test_the_picture_and_the_page_show_the_lifetime(app: Application[Any]) -> None:
    drawn = app.graph()
    lifetimes = {node.path: (node.lifetime, node.kind) for node in drawn.nodes}
    assert lifetimes["tenant"] == ("scoped", "scoped value")
    assert lifetimes["session"] == ("scoped", "scoped resource")
    assert lifetimes["orders"] == ("scoped", "scoped singleton")
    assert from_json(to_json(drawn)) == drawn
    for text in (str(drawn), mermaid(drawn), dot(drawn)):
        assert "Orders · scoped" in text
    assert "is-scoped" in page(drawn)


def test_an_explanation_shows_the_lifetime_and_reads_no_value_of_a_scope(app: Application[Any]) -> None:
    text = str(app.explain("session"))
    assert "is        scoped resource: lives as long as a scope" in text
    assert "region  not read" in text
    with app.scope(tenant=Tenant(region="south")) as scope:
        explained = scope.explain("session")
        assert "region  = south" in str(explained)
        assert not explained.started
        assert scope.get(Orders).session is scope["session"]
        assert scope.explain("session").started


def test_the_timeline_names_what_each_scope_opens(app: Application[Any]) -> None:
    assert [step.path for step in app.timeline] == ["engine"]
    rows = str(app.timeline).splitlines()
    assert [row.split()[:2] for row in rows[2:]] == [
        [name, "scoped"] for name in ("tenant", "session", "orders")
    ]


async def test_a_scoped_part_appears_in_health_once_an_open_scope_has_built_it() -> None:
    async with Application(Container()) as app:
        health = await app.health()
        assert (health.parts, [module.name for module in health.modules]) == ((), ["engine"])
        async with app.scope(tenant=Tenant()) as scope:
            assert (await app.health()).parts == ()
            scope.get(Orders)
            for view in (app, scope):
                (part,) = (await view.health()).parts
                assert (part.path, part.status, part.detail) == ("session", Status.UP, "open")
        assert (await app.health()).parts == ()


async def test_a_scope_is_not_probed_from_the_context_of_another() -> None:
    async with Application(Container()) as app, app.scope(tenant=Tenant()) as busy:
        busy.get(Orders)
        async with app.scope(tenant=Tenant()):
            assert (await app.health()).parts == ()
