"""A picture as one HTML page that a person can explore; it needs no network and nothing beside it."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from json import dumps
from typing import Any

from iacs.redaction import REDACTED, is_secret_name, safe_for_terminal
from iacs.runtime.explain.setting_values import SettingValue, Values
from iacs.runtime.picture.data import PictureData, PictureEdge, PictureNode, Setting
from iacs.runtime.picture.drawing_text import role_of_class, what_it_is
from iacs.runtime.picture.page_svg import svg


def page(picture: PictureData, values: Values | None = None) -> str:
    """Return the page; `values` are the settings that are known, masked already."""
    template = files("iacs.runtime.picture").joinpath("page.html").read_text(encoding="utf-8")
    container = picture.container.rpartition(":")[2] or "a container"
    filled = {
        "policy": escape(_policy(template)),
        "title": escape(safe_for_terminal(container)),
        "drawing": svg(picture),
        "data": _data(picture, values or {}),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: filled[match[1]], template)


def _policy(template: str) -> str:
    """Allow what the template holds, by its hash, and nothing else."""
    allowed = []
    for kind in ("script", "style"):
        contents = re.findall(rf"<{kind}>(.*?)</{kind}>", template, re.DOTALL)
        hashes = [b64encode(sha256(content.encode()).digest()).decode() for content in contents]
        allowed.append(" ".join([f"{kind}-src", *(f"'sha256-{value}'" for value in hashes)]))
    return f"default-src 'none'; {'; '.join(allowed)}; base-uri 'none'; form-action 'none'"


def _data(picture: PictureData, values: Values) -> str:
    """Return the picture for the page's script: what would end the element is written as an escape."""
    numbers = {node.path: number for number, node in enumerate(picture.nodes)}
    groups = sorted({node.group for node in picture.nodes})
    data = {
        "container": safe_for_terminal(picture.container),
        "groups": [safe_for_terminal(group) for group in groups],
        "nodes": [_node(node, groups, numbers, values) for node in picture.nodes],
        "edges": [_edge(edge, numbers) for edge in picture.edges],
    }
    text = dumps(data, sort_keys=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _node(node: PictureNode, groups: list[str], numbers: Mapping[str, int], values: Values) -> dict[str, Any]:
    return {
        "path": safe_for_terminal(node.path),
        "name": safe_for_terminal(node.name),
        "group": groups.index(node.group),
        "is": what_it_is(node),
        "kind": node.kind,
        "lifetime": node.lifetime,
        "facts": [[title, safe_for_terminal(text)] for title, text in _facts(node) if text],
        "settings": [_setting(setting, numbers, values) for setting in node.settings],
    }


def _facts(node: PictureNode) -> Iterator[tuple[str, str]]:
    yield role_of_class(node), node.made_by
    yield "declared in", node.declared
    yield "lifetime", f"{node.lifetime}, needs an event loop" if node.asynchronous else node.lifetime
    yield "kind", node.kind if node.kind != node.lifetime else ""
    yield "instead of", node.replaces
    yield "overlaid", "yes" if node.overlaid else ""
    yield "chose", node.chosen
    yield "started", "yes" if node.started else ""
    yield "also at", ", ".join(node.aliases)


def _setting(setting: Setting, numbers: Mapping[str, int], values: Values) -> dict[str, Any]:
    known = values.get((setting.holder, setting.name), SettingValue())
    hidden = REDACTED if is_secret_name(setting.name) and not known.text else known.text
    return {
        "name": safe_for_terminal(setting.name),
        "holder": numbers[setting.holder],
        "value": safe_for_terminal(hidden),
        "source": safe_for_terminal(known.source),
    }


def _edge(edge: PictureEdge, numbers: Mapping[str, int]) -> dict[str, Any]:
    return {
        "from": numbers[edge.source],
        "to": numbers[edge.target],
        "label": safe_for_terminal(edge.label),
        "pick": safe_for_terminal(edge.pick),
        "through": [safe_for_terminal(alias) for alias in edge.through],
    }
