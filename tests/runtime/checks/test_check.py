"""Everything that is wrong with a container in one report, and nothing built for it."""

import threading
from typing import Any

import pytest
from dependency_injector import providers

from iacs.containers import ApplicationContainer
from iacs.core.exceptions import Finding
from iacs.runtime.checks import check, findings
from iacs.runtime.graph.graph import read_graph
from tests.runtime.counted import Database, Service, WithoutDatabase, circle, container_of

pytestmark = pytest.mark.usefixtures("nothing_is_built")


def test_a_sound_container_has_no_findings() -> None:
    database = providers.Singleton(Database, "sqlite://")
    assert check(container_of(database=database, service=providers.Factory(Service, database))) == ()


def test_our_application_container_has_no_findings() -> None:
    assert check(ApplicationContainer()) == ()


def test_a_graph_that_is_read_already_gives_the_same() -> None:
    container = container_of(service=providers.Singleton(Service))
    assert findings(read_graph(container)) == check(container) != ()


def test_all_findings_are_in_one_report_sorted_by_path() -> None:
    container = circle(providers.Singleton, "x", "y")
    container.service = providers.Singleton(Service)
    container.listed = providers.List([providers.Object(1)])
    container.given = providers.Dependency(instance_of=Database)
    findings = check(container)
    assert [(finding.path, finding.kind) for finding in findings] == [
        ("given", "missing"), ("listed", "hidden"), ("service", "arity"),
        ("x", "cycle"), ("x", "type"), ("y", "type"),
    ]  # fmt: skip


def test_a_chain_thousands_deep_is_checked() -> None:
    previous: providers.Provider[Any] = providers.Singleton(Database)
    container = container_of(first=previous)
    for number in range(5000):
        previous = (
            providers.Factory(Service, previous) if number % 2 else providers.Singleton(Service, previous)
        )
        setattr(container, f"part{number}", previous)
    findings = check(container)
    assert {finding.kind for finding in findings} == {"type"}


def test_a_container_is_checked_in_a_thread_too() -> None:
    findings: list[tuple[Finding, ...]] = []
    worker = threading.Thread(target=lambda: findings.append(check(WithoutDatabase())))
    worker.start()
    worker.join(10)
    assert [finding.path for finding in findings[0]] == ["module.database"]
