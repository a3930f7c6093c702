import json
import re
from dataclasses import replace

import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st

from iacs.core.exceptions import PictureError
from iacs.runtime.graph.graph import read_graph
from iacs.runtime.picture import Picture, PictureEdge, PictureNode, Setting, picture_of
from iacs.runtime.picture.draw import difference, dot, from_json, mermaid, to_json, tree
from tests.fixtures.shop import PASSWORD, BackContainer, Mailer, MemoryCache, Settings, ShopContainer, Store

TREE = """\
tests.fixtures.shop:BackContainer

store  Store · singleton
└─ settings  Settings · singleton  ← url, pool_size

cache  selector
├─ settings ↑  ← mode
├─ remote  Cache · singleton
│  └─ settings ↑  ← ['url']
└─ memory  MemoryCache · singleton

licence  str · transient
└─ settings ↑  ← licence.get_secret_value()
"""


@pytest.fixture(scope="module")
def back() -> Picture:
    return picture_of(read_graph(BackContainer()))


@pytest.fixture(scope="module")
def shop() -> Picture:
    return picture_of(read_graph(ShopContainer()))


class Link:
    def __init__(self, before: object = None) -> None:
        raise AssertionError("nothing is built")


@pytest.fixture(scope="module")
def chain() -> Picture:
    container = containers.DynamicContainer()
    part = providers.Singleton(Link)
    for number in range(5_000):
        setattr(container, f"part{number}", part)
        part = providers.Singleton(Link, part)
    container.top = part
    return picture_of(read_graph(container))


def test_a_tree_shows_every_part_once(back: Picture) -> None:
    assert tree(back) == str(back) == TREE


def test_a_tree_shows_what_runs_and_what_is_replaced(back: Picture) -> None:
    graph = read_graph(BackContainer())
    paths = graph.paths
    drawn = tree(
        picture_of(
            graph,
            overlaid={paths["store"]},
            chosen={paths["cache"]: paths["memory"]},
            started={paths["memory"]},
        )
    )
    assert "store  Store · singleton · overlaid\n" in drawn
    assert "cache  selector · chose memory\n" in drawn
    assert "memory  MemoryCache · singleton · started\n" in drawn


def test_every_part_is_in_every_drawing(shop: Picture) -> None:
    for draw in (tree, mermaid, dot, to_json):
        text = draw(shop)
        assert all(node.name in text for node in shop.nodes), draw
        assert PASSWORD not in text
        assert "hunter2" not in text


def test_mermaid_has_a_subgraph_for_each_container(shop: Picture) -> None:
    text = mermaid(shop)
    assert re.findall(r"subgraph g\d+\[\"(.*)\"\]", text) == ["back", "front"]
    assert text.count("  end\n") == 2


def test_dot_has_a_cluster_for_each_container(shop: Picture) -> None:
    text = dot(shop)
    assert text.count("subgraph cluster_") == 2
    assert text.count("{") == text.count("}")


def test_a_chain_of_thousands_is_drawn(chain: Picture) -> None:
    for draw in (tree, mermaid, dot):
        assert all(f"part{number}" in draw(chain) for number in (0, 42, 4_999))
    assert len(tree(chain)) < 1_000_000
    assert from_json(to_json(chain)) == chain
    assert difference(chain, chain) == ()


def test_parts_that_depend_on_each_other_are_in_the_tree() -> None:
    class Container(containers.DeclarativeContainer):
        one: providers.Singleton[Link] = providers.Singleton(Link)
        two: providers.Singleton[Link] = providers.Singleton(Link, one)
        one.add_args(two)

    text = tree(picture_of(read_graph(Container())))
    assert "one  Link" in text
    assert "one ↑" in text


def test_an_empty_container_is_drawn() -> None:
    drawn = picture_of(read_graph(containers.DynamicContainer()))
    assert tree(drawn) == "a container\n"
    assert from_json(to_json(drawn)) == drawn


HOSTILE = [
    '"',
    "\\",
    '"]; x',
    "<b>",
    "`x`",
    "#quot;",
    "]]",
    "\n",
    "\x1b[31m",
    "\u202e",
    "end",
    "\ud800",
    "\U0001f680",
    "-->|x|",
]


def hostile(text: str) -> Picture:
    one = PictureNode(f"one{text}", "singleton", "singleton", made_by=f"m:{text}", group="")
    two = PictureNode(f"g{text}.two", "object", "value", group=f"g{text}")
    return Picture(f"m:{text}", (one, two), (PictureEdge(one.path, two.path, text, "keyword", pick=text),))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_breaks_out_of_its_element(text: str) -> None:
    drawn = hostile(text)
    for draw in (tree, mermaid, dot):
        written = draw(drawn)
        written.encode()
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", written)
        assert len(written.splitlines()) == len(draw(hostile("x")).splitlines())
    for line in mermaid(drawn).splitlines():
        assert line.count('"') % 2 == 0
        assert not re.search(r'"[^"]*[<>`](?!br/>)[^"]*"', line.replace("<br/>", ""))
    for line in dot(drawn).splitlines():
        assert re.sub(r"\\.", "", line).count('"') % 2 == 0
    assert from_json(to_json(drawn)) == drawn


TEXTS = st.text(max_size=8)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    paths = draw(st.lists(TEXTS, unique=True, min_size=1, max_size=6))
    settings = st.tuples(st.builds(Setting, TEXTS, st.sampled_from(paths), TEXTS))
    nodes = [
        draw(
            st.builds(
                PictureNode,
                st.just(path),
                TEXTS,
                TEXTS,
                st.booleans(),
                TEXTS,
                TEXTS,
                TEXTS,
                settings=settings,
            )
        )
        for path in paths
    ]
    ends = st.sampled_from(paths)
    edge = st.builds(
        PictureEdge, ends, ends, TEXTS, TEXTS, TEXTS, st.tuples(TEXTS), st.tuples(TEXTS), st.booleans()
    )
    return Picture(draw(TEXTS), tuple(nodes), tuple(draw(st.lists(edge, max_size=8))))


@given(pictures())
def test_a_picture_survives_json(drawn: Picture) -> None:
    assert from_json(to_json(drawn)) == drawn


@given(pictures())
def test_anything_can_be_drawn(drawn: Picture) -> None:
    for draw in (tree, mermaid, dot):
        assert draw(drawn) == draw(from_json(to_json(drawn)))


def test_json_has_sorted_keys_and_ends_with_a_line(back: Picture) -> None:
    text = to_json(back)
    assert text.endswith("}\n")
    document = json.loads(text)
    assert list(document) == sorted(document)
    assert document["schema"] == 1
    assert all(list(node) == sorted(node) for node in (*document["nodes"], *document["edges"]))


@pytest.mark.parametrize(
    "text",
    [
        *("", "nonsense", "[]", "{}", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "nodes": 5}'),
        '{"schema": 1, "container": "", "edges": [], "nodes": [{"path": "x"}]}',
        '{"schema": 1, "container": 5, "edges": [], "nodes": []}',
        '{"schema": 1, "container": "", "nodes": [], "edges": [{"source": "a"}]}',
    ],
)
def test_json_that_is_not_a_graph_is_one_sentence(text: str) -> None:
    with pytest.raises(PictureError, match="this is not the JSON of a graph"):
        from_json(text)


def test_unchanged_wiring_has_no_differences(shop: Picture) -> None:
    assert difference(shop, from_json(to_json(picture_of(read_graph(ShopContainer()))))) == ()


def test_values_at_run_time_are_not_a_difference(back: Picture) -> None:
    running = replace(back, nodes=tuple(replace(node, started=True, chosen="x") for node in back.nodes))
    assert difference(back, running) == ()


class Before(containers.DeclarativeContainer):
    settings = providers.Singleton(Settings)
    gone = providers.Singleton(MemoryCache)
    kind = providers.Singleton(MemoryCache)
    made = providers.Singleton(MemoryCache)
    link = providers.Singleton(Link, gone)
    store = providers.Singleton(Store, settings.provided.url, size=settings.provided.pool_size)


class After(containers.DeclarativeContainer):
    settings = providers.Singleton(Settings)
    new = providers.Resource(Mailer)
    kind = providers.Factory(MemoryCache)
    made = providers.Singleton(Mailer)
    link = providers.Singleton(Link, new)
    store = providers.Singleton(Store, settings.provided.mode, retries=settings.provided.pool_size)


CHANGES = """\
gone is gone: it was singleton of tests.fixtures.shop:MemoryCache
kind is transient (factory), it was singleton
link receives new as before, it was gone
made is asynchronous now
made is made by tests.fixtures.shop:Mailer, it was tests.fixtures.shop:MemoryCache
new is new: resource of tests.fixtures.shop:Mailer
store receives mode of settings as url, it was url of settings
store receives pool_size of settings as retries, it did not
store receives pool_size of settings as size no longer
"""


def test_each_change_is_one_sentence() -> None:
    before, after = picture_of(read_graph(Before())), picture_of(read_graph(After()))
    after = replace(
        after, nodes=tuple(replace(n, declared=n.declared.replace("After", "Before")) for n in after.nodes)
    )
    assert "".join(f"{change}\n" for change in difference(before, after)) == CHANGES


def test_another_container_that_declares_a_part_is_a_change(back: Picture) -> None:
    class Other(BackContainer):
        extra = providers.Singleton(MemoryCache)

    inherited = picture_of(read_graph(Other()))
    assert difference(back, inherited) == ("extra is new: singleton of tests.fixtures.shop:MemoryCache",)


def test_the_order_of_declarations_is_not_a_difference(back: Picture) -> None:
    turned = Picture(back.container, back.nodes[::-1], back.edges[::-1])
    assert difference(back, turned) == ()
