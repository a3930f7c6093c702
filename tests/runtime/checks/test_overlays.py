"""Overrides that do not fit are reported."""

from decimal import Decimal
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks import check, overlay_findings
from iacs.runtime.graph.graph import read_graph
from tests.runtime.counted import (
    Clock,
    Core,
    Database,
    FakeDatabase,
    PoolDatabase,
    Service,
    Shape,
    container_of,
    only,
)

pytestmark = pytest.mark.usefixtures("nothing_is_built")


class Application(containers.DeclarativeContainer):
    core = providers.Container(Core)
    database = providers.Singleton(Database)
    service = providers.Singleton(Service, database)


class WrongName(containers.DeclarativeContainer):
    databse = providers.Singleton(PoolDatabase)


class WrongInside(containers.DeclarativeContainer):
    core = providers.Container(WrongName)


def test_an_override_under_a_wrong_name_is_reported() -> None:
    container = Application()
    container.override(WrongName())
    assert only(container) == Finding(
        "databse",
        "overlay",
        "PoolDatabase overrides 'databse', which the container does not have, so it has no effect: "
        "did you mean 'database'?",
    )


def test_an_override_under_a_wrong_name_inside_a_container_is_reported() -> None:
    container = Application()
    container.override(WrongInside())
    assert [(finding.path, finding.kind) for finding in check(container)] == [("core.databse", "overlay")]


def test_an_override_of_an_inner_container_is_looked_at() -> None:
    container = Application()
    container.core().override(WrongName())
    assert [(finding.path, finding.kind) for finding in check(container)] == [("core.databse", "overlay")]


def test_what_the_overriding_parts_need_is_theirs() -> None:
    class Better(containers.DeclarativeContainer):
        url = providers.Object("sqlite://")
        database = providers.Singleton(PoolDatabase, url)

    container = Application()
    container.override(Better())
    assert check(container) == ()


@pytest.mark.parametrize(
    "stand_in",
    [
        providers.Object("a string"),
        providers.Object(None),
        providers.Singleton(Clock),
        providers.Factory(dict),
    ],
)
def test_an_override_by_an_unrelated_object_is_reported(stand_in: providers.Provider[Any]) -> None:
    container = Application()
    container.database.override(stand_in)
    findings = check(container)
    assert ("database", "overlay") in {(finding.path, finding.kind) for finding in findings}
    assert "Database()" in findings[0].message


@pytest.mark.parametrize(
    "stand_in",
    [providers.Singleton(PoolDatabase), providers.Singleton(FakeDatabase), providers.Callable(lambda: 1)],
)
def test_an_override_by_what_can_do_the_work_is_sound(stand_in: providers.Provider[Any]) -> None:
    container = Application()
    container.database.override(stand_in)
    assert check(container) == ()


def test_a_container_is_restored_to_be_sound() -> None:
    container = Application()
    with container.database.override(providers.Object("a string")):
        assert check(container) != ()
    assert check(container) == ()


class Unlike:
    def quite_other(self) -> None: ...


class Loose:
    def __init__(self) -> None:
        self.query = str


class Answering:
    def __getattr__(self, name: str) -> Any:
        return name


def plain_values() -> list[tuple[Any, bool]]:
    from unittest.mock import Mock

    database = Database.__new__(PoolDatabase)
    return [
        ("a string", False), (5, False), (None, False), ({}, False), (object(), False), (Unlike(), False),
        (database, True), (FakeDatabase.__new__(FakeDatabase), True), (Mock(), True), (Loose(), True), (Answering(), True),
        (Clock, True), (providers.Singleton(Clock), True),
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "sound"), plain_values())
def test_a_plain_value_for_an_overlay_is_judged_by_what_it_can_do(value: Any, *, sound: bool) -> None:
    graph = read_graph(Application())
    findings = overlay_findings(graph, {graph.paths["database"]: value})
    assert [(finding.path, finding.kind) for finding in findings] == (
        [] if sound else [("database", "overlay")]
    )


def test_a_plain_value_for_what_nobody_declares_is_accepted() -> None:
    graph = read_graph(container_of(part=providers.Singleton(lambda: 1)))
    assert overlay_findings(graph, {graph.paths["part"]: "anything"}) == ()


def test_a_plain_value_for_a_builtin_must_be_one() -> None:
    graph = read_graph(container_of(part=providers.Object(5), half=providers.Callable(float)))
    part, half = graph.paths["part"], graph.paths["half"]
    assert overlay_findings(graph, {part: 6, half: 6}) == ()
    assert [finding.path for finding in overlay_findings(graph, {part: Decimal(6)})] == ["part"]
    assert [finding.path for finding in overlay_findings(graph, {part: "6", half: "6"})] == ["part", "half"]


def test_a_plain_value_for_a_protocol_must_have_its_methods() -> None:
    graph = read_graph(container_of(part=providers.Dependency(instance_of=Shape)))
    part = graph.paths["part"]

    class Round:
        def run(self) -> None: ...

    assert overlay_findings(graph, {part: Round()}) == ()
    assert [finding.kind for finding in overlay_findings(graph, {part: Unlike()})] == ["overlay"]


def test_a_dummy_without_members_may_stand_for_anything() -> None:
    class Nothing: ...

    container = container_of(database=providers.Singleton(Database))
    graph = read_graph(container)
    assert overlay_findings(graph, {graph.paths["database"]: Nothing()}) == ()
    assert overlay_findings(graph, {graph.paths["database"]: object()}) != ()
