"""What is wired to what, as the command line draws it."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Iacs

SHOP = "tests.fixtures.shop:ShopContainer"


def test_the_application_s_own_container_is_drawn_as_a_tree(iacs: Iacs) -> None:
    ran = iacs("graph")
    assert ran.code == 0
    assert ran.lines[0] == "iacs.containers.application:ApplicationContainer"
    assert "│  ├─ core.database  Database · singleton" in ran.lines


@pytest.mark.parametrize(
    ("format", "begin"),
    [
        ("tree", "tests.fixtures.shop:ShopContainer"),
        ("mermaid", "flowchart LR"),
        ("dot", "digraph {"),
        ("json", "{"),
        ("html", "<!doctype html>"),
    ],
)
def test_anybody_s_container_is_drawn_in_every_format(
    iacs: Iacs, tmp_path: Path, format: str, begin: str
) -> None:
    drawn, written = (
        iacs("graph", SHOP, "--format", format),
        iacs("graph", SHOP, "--format", format, "--output", "x"),
    )
    assert (drawn.code, written.code, written.out, written.err) == (0, 0, "", "wrote x\n")
    assert drawn.lines[0] == begin
    assert (tmp_path / "x").read_bytes() == drawn.out.encode()


def test_a_format_that_is_none_is_a_misuse(iacs: Iacs) -> None:
    ran = iacs("graph", "--format", "poem")
    assert ran.code == 2
    assert "mermaid" in ran.err


def test_a_container_that_is_as_its_json_says_passes(iacs: Iacs) -> None:
    iacs("graph", SHOP, "--format", "json", "--output", "graph.json")
    ran = iacs("graph", SHOP, "--check", "graph.json")
    assert (ran.code, ran.out, ran.err) == (0, "", "graph.json is up to date: 17 parts\n")


def test_drift_is_reported_with_what_to_do(iacs: Iacs, tmp_path: Path) -> None:
    iacs("graph", SHOP, "--format", "json", "--output", "graph.json")
    file = tmp_path / "graph.json"
    file.write_text(file.read_text().replace('"label": "size"', '"label": "width"'))
    ran = iacs("graph", SHOP, "--check", "graph.json")
    assert ran.code == 1
    assert ran.lines == [
        "back.store receives pool_size of back.settings as size, it did not",
        "back.store receives pool_size of back.settings as width no longer",
    ]
    assert ran.err == (
        "2 changes since graph.json; to accept: "
        "iacs graph tests.fixtures.shop:ShopContainer --format json > graph.json\n"
    )


def test_the_command_in_the_message_accepts_the_drift(iacs: Iacs, tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_text(iacs("graph", "--format", "json").out)
    assert iacs("graph", "--check", "graph.json").code == 0


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 99}'])
def test_a_file_that_is_not_a_graph_is_one_sentence(iacs: Iacs, tmp_path: Path, text: str) -> None:
    (tmp_path / "graph.json").write_text(text)
    ran = iacs("graph", "--check", "graph.json")
    assert ran.code == 1
    assert ran.err.startswith("iacs: graph.json cannot be compared: this is not the JSON of a graph")
    assert ran.err.endswith("; write it again with: iacs graph --format json > graph.json\n")


def test_settings_are_refused_where_no_format_shows_them(iacs: Iacs) -> None:
    ran = iacs("graph", "--settings", "--format", "dot")
    assert (ran.code, ran.out) == (2, "")
    assert "--settings: only the format html shows settings; see: iacs graph --help" in ran.err


def test_a_missing_file_is_an_error_with_the_command_that_creates_it(iacs: Iacs) -> None:
    graph, events = iacs("graph", "--check", "x.json"), iacs("events", "schema", "--check", "x.json")
    sentence = "iacs: x.json does not exist; create it with: iacs"
    assert (graph.code, graph.err) == (1, f"{sentence} graph --format json > x.json\n")
    assert (events.code, events.err) == (1, f"{sentence} events schema --format json-schema > x.json\n")


@pytest.mark.parametrize("options", [[], ["--settings"]])
def test_a_page_holds_values_only_when_they_are_asked_for_and_never_secrets(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "open-sesame")
    monkeypatch.setenv("DATABASE_URL", "postgresql://iacs:open-sesame@db/x")
    monkeypatch.setenv("MAIL_TOPIC", "post.arrived")
    ran = iacs("graph", "--format", "html", *options)
    assert ran.code == 0
    assert "sesame" not in ran.out + ran.err
    assert ("post.arrived" in ran.out) is bool(options)


def test_a_page_of_a_broken_configuration_says_what_is_missing(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPH_URL", "nonsense")
    ran = iacs("graph", "--format", "html", "--settings")
    assert ran.code == 0
    assert "GRAPH_URL" in ran.err


def test_json_of_the_application_names_every_setting_and_no_value(iacs: Iacs) -> None:
    nodes = {node["path"]: node for node in json.loads(iacs("graph", "--format", "json").out)["nodes"]}
    assert [setting["name"] for setting in nodes["core.logger"]["settings"]] == ["log_level", "log_format"]
    assert "value" not in nodes["core.logger"]["settings"][0]
