"""Containers as people write them, every provider kind among them, raise no false alarm."""

import argparse
import collections
import csv
import datetime
import functools
import logging
import logging.config
import sqlite3
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers, providers
from pydantic import TypeAdapter

from iacs.runtime.checks import check
from tests.runtime.shapes import (
    Application,
    Color,
    Converted,
    Generated,
    Loss,
    Made,
    Message,
    Overloaded,
    Point,
    Runs,
    Slots,
    Task,
    Token,
    WithMeta,
    Worker,
    base,
    connect,
    fetch,
    in_queue,
    loss,
    settings,
)

SOUND: list[providers.Provider[Any]] = [
    providers.Factory(Task, loss=loss),
    providers.Singleton(Task, loss=providers.Factory(Loss, 1, ["a"], path=Path())),
    providers.Factory(Token, value=providers.Callable(str, 5)),
    providers.Factory(Runs, job=providers.Singleton(Worker), steps=providers.Object(str.upper)),
    providers.Factory(Runs, job=in_queue.provider, steps=Worker.__call__),
    providers.Factory(Slots, providers.Factory(base, value="a")),
    providers.Factory(Slots).add_attributes(token=base),
    providers.Factory(Message, id="1", when="2024-01-01", cost="1.5"),
    providers.Factory(Converted, port="5"),
    providers.Factory(Overloaded, "ff", base=16),
    providers.Factory(Made, "kind"),
    providers.Factory(WithMeta, base),
    providers.Factory(Point, 1, y=2),
    providers.Factory(Color, "red"),
    providers.Factory("pathlib.Path", "."),
    providers.Singleton("tests.runtime.shapes.Slots", base),
    providers.Singleton(threading.Thread, target=in_queue.provider, name="worker"),
    providers.Singleton(functools.partial(Token, "a"), ttl=5),
    providers.Singleton(functools.partial(Token, value="a"), value="b"),
    providers.Singleton(connect, "url"),
    providers.Singleton(dict, a=1),
    providers.Singleton(list, (1, 2)),
    providers.Singleton(collections.OrderedDict, [("a", 1)]),
    providers.Singleton(collections.defaultdict, list),
    providers.Singleton(csv.DictReader, [], delimiter=","),
    providers.Singleton(argparse.ArgumentParser, prog="x"),
    providers.Singleton(datetime.timedelta, seconds=5),
    providers.Singleton(Decimal, "1.5"),
    providers.Singleton(Path.home),
    providers.Singleton(Path, ".", "a"),
    providers.Singleton(logging.getLogger, name="a"),
    providers.Singleton(logging.StreamHandler),
    providers.Singleton(ThreadPoolExecutor, max_workers=settings.provided.workers),
    providers.Singleton(sqlite3.connect, settings.provided.dsn, isolation_level=None),
    providers.Singleton(
        Token, settings.provided.secret.get_secret_value.call(), ttl=settings.provided.workers
    ),
    providers.Singleton(Token, settings.provided.region),
    providers.Singleton(Token, settings.provided.model_dump.call()["dsn"]),
    providers.Singleton(TypeAdapter, list[int]),
    providers.Singleton(Generated[int], {"a": 1}),
    providers.Singleton(Generated[str], providers.Dict({"a": "b"})),
    providers.Coroutine(fetch, 1),
    providers.Callable(in_queue),
    providers.List(providers.Object({"a": {"b": len}}).provided["a"]["b"].call([1]), 2),
    providers.Selector(lambda: "a", a=providers.Object(1), b=providers.Object("b")),
]


def test_an_application_of_several_containers_is_sound() -> None:
    assert check(Application()) == ()


@pytest.mark.parametrize("name", ["core", "gateways"])
def test_each_container_alone_is_sound(name: str) -> None:
    assert check(getattr(Application(), name)()) == ()


def test_an_application_whose_configuration_is_loaded_is_sound() -> None:
    container = Application()
    container.config.from_dict(
        {"core": {"level": "INFO"}, "services": {"ttl": "5", "kind": "csv", "path": "a"}}
    )
    assert check(container) == ()


@pytest.mark.parametrize("provider", SOUND, ids=lambda it: str(it).partition(" at ")[0])
def test_what_works_is_sound(provider: providers.Provider[Any]) -> None:
    container = containers.DynamicContainer()
    container.part = provider
    assert check(container, keep_open=[Executor]) == ()


def test_a_container_whose_class_is_overridden_is_sound() -> None:
    class First(containers.DeclarativeContainer):
        token = providers.Singleton(Token)
        slots = providers.Singleton(Slots, token)

    class Better(Token):
        pass

    @containers.override(First)
    class Second(containers.DeclarativeContainer):
        token = providers.Singleton(Better)

    @containers.copy(First)
    class Third(First):
        token = providers.Singleton(Better)

    assert [check(container()) for container in (First, Second, Third)] == [(), (), ()]
