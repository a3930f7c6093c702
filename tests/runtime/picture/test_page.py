"""The page as text: what it holds, and that nothing in it can act."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.runtime.explain.setting_values import setting_values
from iacs.runtime.graph.graph import read_graph
from iacs.runtime.picture import Picture, PictureEdge, PictureNode, Setting, picture_of
from iacs.runtime.picture.folding import Fold
from iacs.runtime.picture.page import page
from tests.fixtures.shop import KEY, PASSWORD, Cache, Settings, ShopContainer


class Parsed(HTMLParser):
    """Every element with its attributes, the text outside of scripts, and the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data = ""
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._within = "data" if ("id", "data") in attrs else tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "data":
            self.data += data
        elif self._within not in ("script", "style"):
            self.text += data


@pytest.fixture(scope="module")
def application() -> str:
    return page(picture_of(read_graph(ApplicationContainer())))


def test_every_part_can_be_reached_by_keyboard_and_is_named(application: str) -> None:
    drawn = picture_of(read_graph(ApplicationContainer()))
    parts = [attributes for _, attributes in Parsed(application).elements if "data-part" in attributes]
    assert [str(part["aria-label"]).split(",")[0] for part in parts] == [node.path for node in drawn.nodes]
    assert all(part["tabindex"] == "0" and part["role"] == "button" for part in parts)


def test_nothing_is_asked_of_a_network(application: str) -> None:
    for tag, attributes in Parsed(application).elements:
        assert tag not in ("link", "img", "iframe", "object", "base")
        assert not {"src", "href", "xlink:href", "action", "style"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    script = re.search(r"<script>(.*)</script>", application, re.DOTALL)
    assert script
    assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(|innerHTML|eval\(", script[1])
    assert "@import" not in application
    assert "url(http" not in application


def test_the_policy_allows_the_page_s_own_script_and_style_only(application: str) -> None:
    policy = next(
        str(attributes["content"])
        for _, attributes in Parsed(application).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", application, re.DOTALL)
        digest = b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


HOSTILE = [
    *(
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '" onmouseover="alert(1)',
        "<!--",
        "&lt;",
    ),
    *(
        "{{data}}",
        "]]>",
        "\u2028",
        "\x00",
        "\u202e",
        "\ud800",
        "'",
        "\\",
        "${alert(1)}",
        "a\nb",
        "界" * 60,
        "x" * 500,
    ),
]


def hostile(text: str) -> str:
    one = PictureNode(
        f"one{text}", "singleton", "singleton", made_by=f"m{text}:C{text}", declared=text, replaces=text,
        aliases=(text,), settings=(Setting(text, f"g{text}.two", text),), chosen=text,
    )  # fmt: skip
    two = PictureNode(f"g{text}.two", "object", "value", group=f"g{text}")
    edge = PictureEdge(one.path, two.path, text, "keyword", pick=text, through=(text,))
    return page(Picture(f"m:{text}", (one, two), (edge,)))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_becomes_markup(text: str) -> None:
    parsed, harmless = Parsed(hostile(text)), Parsed(hostile("x"))
    assert [tag for tag, _ in parsed.elements] == [tag for tag, _ in harmless.elements]
    assert [set(attributes) for _, attributes in parsed.elements] == [
        set(attributes) for _, attributes in harmless.elements
    ]
    hostile(text).encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\u2028]", hostile(text))
    assert len(json.loads(parsed.data)["nodes"]) == 2
    assert not set("<>&") & set(parsed.data)


def test_values_are_shown_and_secrets_are_not() -> None:
    graph = read_graph(ShopContainer())
    drawn = picture_of(graph)
    values = setting_values(drawn.nodes, Fold(graph), lambda _index: Settings())
    text = page(drawn, values)
    shown = {
        setting["name"]: (setting["value"], setting["source"])
        for node in json.loads(Parsed(text).data)["nodes"]
        for setting in node["settings"]
    }
    assert shown["pool_size"] == ("5", "default")
    assert shown["licence"] == ("[redacted]", ".env")
    assert shown["smtp.password"] == ("[redacted]", "unknown source")
    assert shown["url"][0] == "postgresql://shop:[redacted]@db.example/shop"
    for secret in (PASSWORD, KEY, "hunter2"):
        assert secret not in text


def test_without_values_none_is_shown() -> None:
    graph = read_graph(ShopContainer())
    nodes = json.loads(Parsed(page(picture_of(graph))).data)["nodes"]
    assert {setting["value"] for node in nodes for setting in node["settings"]} == {"", "[redacted]"}


def test_a_thousand_parts_make_a_page() -> None:
    container = containers.DynamicContainer()
    part: providers.Singleton[Cache] = providers.Singleton(Cache)
    for number in range(1_000):
        setattr(container, f"part{number}", part)
        part = providers.Singleton(Cache, part)
    container.top = part
    assert page(picture_of(read_graph(container))).count("data-part=") == 1_001


def test_an_empty_container_makes_a_page() -> None:
    assert "a container" in page(picture_of(read_graph(containers.DynamicContainer())))
