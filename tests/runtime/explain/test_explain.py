import re
from pathlib import Path

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import AmbiguousPartError, UnknownPartError
from iacs.runtime.explain import explain_part
from iacs.runtime.graph.graph import Graph, read_graph
from tests.fixtures import shop
from tests.fixtures.shop import KEY, PASSWORD, Cache, MemoryCache, Settings, ShopContainer

GOLDEN = Path(__file__).parent / "explained"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_graph(ShopContainer())


def explained(graph: Graph, path: str, *, started: bool = False, chosen: str = "") -> str:
    known: dict[int, object] = {graph.paths["back.settings"]: Settings()} if started else {}
    taken = {graph.paths["back.cache"]: graph.paths[chosen]} if chosen else {}
    text = str(explain_part(graph, path, value=known.__getitem__, chosen=taken))
    return re.sub(rf"{re.escape(shop.__file__)}:\d+", "shop.py", text)


@pytest.mark.parametrize(
    ("name", "path", "started", "chosen"),
    [
        ("part", "back.store", False, ""),
        ("started-part", "back.store", True, ""),
        ("alias", "front.store", False, ""),
        ("factory", "front.basket", True, ""),
        ("selector", "back.cache", False, ""),
        ("selector-that-chose", "back.cache", True, "back.memory"),
        ("branch", "back.remote", False, ""),
        ("branch-taken", "back.memory", True, "back.memory"),
        ("branch-skipped", "back.remote", True, "back.memory"),
        ("resource", "connection", False, ""),
        ("option", "post", False, ""),
        ("inside", "post.inner", False, ""),
        ("missing", "front.missing", False, ""),
        ("value", "front.colour", False, ""),
        ("configuration", "config", False, ""),
        ("plumbing", "back.cache.selector", False, ""),
    ],
)
def test_an_explanation_reads_as_agreed(
    graph: Graph, name: str, path: str, started: bool, chosen: str
) -> None:
    agreed = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert explained(graph, path, started=started, chosen=chosen) == agreed


def test_the_line_is_that_of_the_declaration(graph: Graph) -> None:
    where = explain_part(graph, "back.store").where
    file, line = where.rsplit(":", 1)
    assert Path(file) == Path(shop.__file__)
    assert "store = " in Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]


@pytest.mark.parametrize(
    "path", ["back.store", "back.remote", "front.basket", "back.licence", "post", "connection"]
)
def test_no_secret_is_in_an_explanation(graph: Graph, path: str) -> None:
    text = explained(graph, path, started=True) + repr(
        explain_part(graph, path, value=lambda _index: Settings())
    )
    assert PASSWORD not in text
    assert KEY not in text
    assert "hunter2" not in text


def test_a_bare_name_that_leads_to_one_part_will_do(graph: Graph) -> None:
    assert explain_part(graph, "store").path == "back.store"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("back.stor", "there is no 'back.stor' in the container\ndid you mean back.store"),
        ("basquet", "there is no 'basquet' in the container\ndid you mean front.basket"),
        ("zzz", "'iacs graph' shows every path"),
        ("back", "back is a container\nask for one of its parts, back.settings, back.store"),
    ],
)
def test_an_unknown_part_is_one_sentence_with_similar_names(graph: Graph, path: str, sentence: str) -> None:
    with pytest.raises(UnknownPartError, match=sentence):
        explain_part(graph, path)


def test_a_name_that_may_be_several_is_a_sentence() -> None:
    class Container(containers.DeclarativeContainer):
        one = providers.Container(shop.BackContainer)
        two = providers.Container(shop.BackContainer)

    with pytest.raises(AmbiguousPartError, match=r"store is ambiguous: one\.store, two\.store"):
        explain_part(read_graph(Container()), "store")


def test_the_overriding_provider_is_shown() -> None:
    container = ShopContainer()
    container.back().store.override(providers.Singleton(MemoryCache))
    assert explain_part(read_graph(container), "back.store").overriding == (
        "back.store is declared as tests.fixtures.shop:Store, which is not built",
    )
    container.back().remote.override(container.back().memory)
    assert explain_part(read_graph(container), "back.memory").overriding == (
        "back.remote is overridden by this part; without it tests.fixtures.shop:Cache is built",
    )


def test_an_overlay_is_explained(graph: Graph) -> None:
    explanation = explain_part(graph, "back.store", overlaid={graph.paths["back.store"]})
    assert "overlay" in str(explanation)


def test_values_of_a_configuration_are_shown_without_anything_started(graph: Graph) -> None:
    values = {setting.name: setting.value for setting in explain_part(graph, "connection").settings}
    assert values == {"smtp.host": "mail.example"}
    (secret,) = explain_part(graph, "post").settings
    assert secret.value == "[redacted]"


def test_a_settings_object_without_sources_is_accepted(graph: Graph) -> None:
    class Odd(Settings):
        def sources(self) -> dict[str, str]:
            raise RuntimeError("not now")

    (first, *_) = explain_part(graph, "back.store", value=lambda _index: Odd()).settings
    assert first.source == "unknown source"


def test_a_long_chain_is_explained() -> None:
    container = containers.DynamicContainer()
    part: providers.Singleton[Cache] = providers.Singleton(Cache)
    for number in range(5_000):
        setattr(container, f"part{number}", part)
        part = providers.Singleton(Cache, part)
    container.top = part
    assert explain_part(read_graph(container), "top").receives[0].path == "part4999"


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nb", "<b>"])
def test_text_of_others_cannot_act_on_a_terminal(name: str) -> None:
    container = containers.DynamicContainer()
    setattr(container, name, providers.Object(1))
    text = str(explain_part(read_graph(container), name))
    assert "\x1b" not in text
    assert "a\nb" not in text
