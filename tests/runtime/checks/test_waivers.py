"""Findings that somebody has looked at are waived by path and kind, and nothing else is."""

from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import CheckError
from iacs.runtime import Application
from iacs.runtime.checks import check
from tests.runtime.counted import Clock, Core, Database, Service


class Narrow(containers.DeclarativeContainer):
    """It works, although the annotation of Service says that it does not."""

    clock = providers.Singleton(Clock)
    service = providers.Singleton(Service, clock)


class Shared(containers.DeclarativeContainer):
    core = providers.Container(Core)
    service = providers.Singleton(Service, core.db, name=5)


@pytest.mark.parametrize("kinds", ["type", ["type"], ("type",), {"type"}])
def test_a_waived_finding_is_not_reported_and_refuses_nothing(kinds: Any) -> None:
    assert [finding.kind for finding in check(Narrow())] == ["type"]
    assert check(Narrow(), waive={"service": kinds}) == ()
    with Application(Narrow(), waive={"service": kinds}).sync() as app:
        assert isinstance(app.get(Service).database, Clock)


def test_every_other_finding_still_refuses() -> None:
    class Broken(Narrow):
        other = providers.Singleton(Service)

    with pytest.raises(CheckError) as refused:
        Application(Broken(), waive={"service": "type"})
    assert [(finding.path, finding.kind) for finding in refused.value.findings] == [("other", "arity")]


@pytest.mark.parametrize(
    ("waive", "hint"),
    [
        ({"service": ["type", "arity"]}, "drop the waiver"),
        ({"service": "type", "clock": "type"}, "drop the waiver"),
        ({"service": "type", "servic": "type"}, "did you mean 'service'?"),
        ({"service": ["type", "tipe"]}, "did you mean 'type'?"),
    ],
)
def test_a_waiver_that_matches_nothing_is_a_finding_itself(waive: Any, hint: str) -> None:
    (finding,) = check(Narrow(), waive=waive)
    assert finding.kind == "waiver"
    assert hint in finding.message
    with pytest.raises(CheckError, match="to waive"):
        Application(Narrow(), waive=waive)


def test_a_waiver_of_a_part_that_a_test_has_overridden_is_left_alone() -> None:
    container = Narrow()
    container.service.override(providers.Singleton(Service, Database()))
    Application(container, waive={"service": "type"})


def test_a_waiver_may_use_any_path_of_a_part() -> None:
    class Twice(containers.DeclarativeContainer):
        clock = providers.Singleton(Clock)
        service = providers.Singleton(Service, clock)
        same = service

    assert check(Twice(), waive={"same": "type"}) == check(Twice(), waive={"service": "type"}) == ()


def test_a_leak_is_waived_like_anything_else(caplog: pytest.LogCaptureFixture) -> None:
    from concurrent.futures import ThreadPoolExecutor

    class Container(containers.DeclarativeContainer):
        executor = providers.Singleton(ThreadPoolExecutor, 1)

    Application(Container(), waive={"executor": "leak"})
    assert not caplog.records
