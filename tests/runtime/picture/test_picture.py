import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.runtime.graph.graph import read_graph
from iacs.runtime.picture import Picture, PictureEdge, Setting, picture_of
from tests.fixtures.shop import BackContainer, Cache, MemoryCache, ShopContainer


@pytest.fixture(scope="module")
def shop() -> Picture:
    return picture_of(read_graph(ShopContainer()))


@pytest.fixture(scope="module")
def application() -> Picture:
    return picture_of(read_graph(ApplicationContainer()))


def received(drawn: Picture, path: str) -> dict[str, str]:
    return {edge.label: edge.taken for edge in drawn.needs[path]}


def test_people_s_own_names_are_shown_and_nothing_else(application: Picture) -> None:
    names = {
        group: {n.name for n in application.nodes if n.group == group}
        for group in ("core", "account", "auth")
    }
    assert names == {
        "core": {
            *("config", "logger", "database", "kafka_client", "kafka_oauth_token", "event_log", "events"),
            *("http_client", "key_provider", "encryption", "oauth_client", "grants", "token_service"),
        },
        "account": {"account_topic", "audit_topic", "recorder", "schema", "service"},
        "auth": {"directory", "links", "pages", "schema", "service"},
    }


def test_an_alias_is_shown_by_the_edge_that_passes_it(application: Picture) -> None:
    edge = next(edge for edge in application.needs["account.service"] if edge.target == "core.database")
    assert edge == PictureEdge(
        "account.service", "core.database", "database", "argument", through=("account.database",)
    )
    assert "account.database" in application.by_path["core.database"].aliases
    assert "account.database" not in application.by_path


def test_what_is_read_of_settings_is_a_setting_of_the_reader(application: Picture) -> None:
    assert application.by_path["core.logger"].settings == (
        Setting("log_level", "core.config", "level"),
        Setting("log_format", "core.config", "format"),
    )
    assert application.by_path["core.token_service"].settings == ()


def test_an_attribute_of_a_part_is_not_a_setting() -> None:
    class Container(containers.DeclarativeContainer):
        store = providers.Singleton(MemoryCache)
        user = providers.Singleton(Cache, store.provided.pool[0].title.call(1))

    drawn = picture_of(read_graph(Container()))
    assert received(drawn, "user") == {"url": "pool[0].title() of store"}
    assert drawn.by_path["user"].settings == ()


def test_every_kind_of_provider_says_how_long_its_value_lives(shop: Picture) -> None:
    assert {node.path: (node.kind, node.lifetime) for node in shop.nodes} == {
        "config": ("configuration", "settings"),
        "mailer": ("singleton", "singleton"),
        "connection": ("resource", "resource"),
        "door": ("resource", "resource"),
        "local": ("local", "local"),
        "makers": ("dict", "transient"),
        "post": ("factory", "transient"),
        "post.inner": ("singleton", "singleton"),
        "back.settings": ("singleton", "singleton"),
        "back.store": ("singleton", "singleton"),
        "back.remote": ("singleton", "singleton"),
        "back.memory": ("singleton", "singleton"),
        "back.cache": ("selector", "selector"),
        "back.licence": ("callable", "transient"),
        "front.missing": ("missing", "missing"),
        "front.colour": ("object", "value"),
        "front.basket": ("factory", "transient"),
    }


def test_what_needs_an_event_loop_is_marked(shop: Picture) -> None:
    assert {node.path for node in shop.nodes if node.asynchronous} == {"connection", "mailer"}


def test_a_part_written_inside_another_one_belongs_to_its_container(shop: Picture) -> None:
    inner = shop.by_path["post.inner"]
    assert (inner.group, inner.declared) == ("", "tests.fixtures.shop:ShopContainer")
    assert shop.by_path["back.store"].declared == "tests.fixtures.shop:BackContainer"


def test_plumbing_is_folded_into_labels_calls_and_picks(shop: Picture) -> None:
    assert received(shop, "front.basket") == {
        "store": "back.store",
        "caches.0": "back.cache",
        "caches.1": "back.remote",
        "licence": "back.licence",
    }
    assert received(shop, "door") == {"width": "int(width of config)"}
    assert received(shop, "makers") == {"basket": "the provider of front.basket", "door": "door"}
    assert received(shop, "back.cache")["selector"] == "mode_of(mode of back.settings)"


def test_a_method_at_the_end_does_not_belong_to_the_name_of_a_setting(shop: Picture) -> None:
    assert [setting.name for setting in shop.by_path["back.licence"].settings] == ["licence"]
    assert [setting.name for setting in shop.by_path["post"].settings] == ["smtp.password"]


def test_a_stand_in_is_shown_under_the_path_of_what_it_replaces() -> None:
    container = ShopContainer()
    container.back().store.override(providers.Singleton(MemoryCache))
    drawn = picture_of(read_graph(container))
    store = drawn.by_path["back.store"]
    assert store.made_by == "tests.fixtures.shop:MemoryCache"
    assert store.replaces == "tests.fixtures.shop:Store"
    assert received(drawn, "front.basket")["store"] == "back.store"


def test_what_is_handed_in_is_given_and_replaces_nothing() -> None:
    class Container(containers.DeclarativeContainer):
        cache = providers.Dependency(instance_of=MemoryCache)
        user = providers.Singleton(Cache, cache)

    drawn = picture_of(read_graph(Container(cache=providers.Singleton(MemoryCache))))
    cache = drawn.by_path["cache"]
    assert (cache.lifetime, cache.replaces, cache.made_by) == ("given", "", "tests.fixtures.shop:MemoryCache")


def test_what_runs_is_marked() -> None:
    graph = read_graph(BackContainer())
    cache, memory, store = (graph.paths[name] for name in ("cache", "memory", "store"))
    drawn = picture_of(graph, overlaid={store}, chosen={cache: memory}, started={memory})
    assert drawn.by_path["cache"].chosen == "memory"
    assert [node.path for node in drawn.nodes if node.overlaid] == ["store"]
    assert [node.path for node in drawn.nodes if node.started] == ["memory"]


def test_an_overlaid_alias_is_a_part_of_its_own() -> None:
    graph = read_graph(ShopContainer())
    drawn = picture_of(graph, overlaid={graph.paths["front.store"]})
    assert received(drawn, "front.basket")["store"] == "front.store"
    assert drawn.by_path["front.store"].overlaid


def test_aliases_that_lead_to_each_other_are_drawn() -> None:
    class Container(containers.DeclarativeContainer):
        one: providers.Dependency[object] = providers.Dependency()
        two: providers.Dependency[object] = providers.Dependency()
        user = providers.Singleton(Cache, one)

    container = Container()
    container.one.override(container.two)
    container.two.override(container.one)
    assert {node.path for node in picture_of(read_graph(container)).nodes} == {"one", "two", "user"}


def test_parts_that_depend_on_each_other_are_drawn() -> None:
    class Container(containers.DeclarativeContainer):
        one: providers.Singleton[Cache] = providers.Singleton(Cache)
        two: providers.Singleton[Cache] = providers.Singleton(Cache, one)
        one.add_args(two)

    drawn = picture_of(read_graph(Container()))
    assert [(edge.source, edge.target) for edge in drawn.edges] == [("one", "two"), ("two", "one")]


def test_a_long_chain_of_aliases_is_one_edge() -> None:
    container = containers.DynamicContainer()
    last: providers.Provider[object] = providers.Singleton(MemoryCache)
    container.first = last
    for number in range(5_000):
        alias: providers.Dependency[object] = providers.Dependency()
        alias.override(last)
        setattr(container, f"alias{number}", last := alias)
    container.user = providers.Singleton(Cache, last)
    (edge,) = picture_of(read_graph(container)).edges
    assert (edge.source, edge.target, len(edge.through)) == ("user", "first", 5_000)


SCRIPT = """
import hashlib, json
from iacs.runtime.picture.draw import dot, mermaid, to_json, tree
from iacs.runtime.graph.graph import read_graph
from iacs.runtime.picture.page import page
from iacs.runtime.picture import picture_of
from tests.fixtures.shop import ShopContainer
texts = [draw(picture_of(read_graph(ShopContainer()))) for draw in (tree, mermaid, dot, to_json, page)]
print(json.dumps([hashlib.sha256(text.encode()).hexdigest() for text in texts]))
"""


def hashes(seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_same_graph_gives_the_same_bytes_in_every_process() -> None:
    with ThreadPoolExecutor(2) as threads:
        hashes_seen = set(threads.map(hashes, range(6)))
    assert len(hashes_seen) == 1
    assert len(set(json.loads(hashes_seen.pop()))) == 5
