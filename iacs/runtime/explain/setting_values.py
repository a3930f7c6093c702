"""The values of the settings that parts read, with where each came from, as anybody may see them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iacs.redaction import REDACTED, is_secret_name
from iacs.runtime.explain.value_text import shown
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.picture import PictureNode, Setting
from iacs.runtime.picture.folding import Fold

Value = Callable[[int], Any]
"""Give the value of a started part by its index; raise KeyError for one that is not started."""

UNKNOWN_SOURCE = "unknown source"
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting's value with secrets masked, empty when it is not known; and where it came from."""

    text: str = ""
    source: str = ""


Values = Mapping[tuple[str, str], SettingValue]
"""The values by the path of the settings object and the name of the setting."""


def nothing_started(index: int) -> Any:
    """Answer for every part that it is not started."""
    raise KeyError(index)


def setting_values(nodes: Iterable[PictureNode], fold: Fold, value: Value) -> Values:
    """Read the settings of `nodes` as far as started parts and loaded configurations hold them."""
    holders = {fold.path(index): index for index in fold.shown}
    return {
        (setting.holder, setting.name): found
        for setting in _settings(nodes)
        if (found := _read(fold, holders[setting.holder], setting.name, value)) is not None
    }


def _settings(nodes: Iterable[PictureNode]) -> Iterable[Setting]:
    return dict.fromkeys(Setting(each.name, each.holder, "") for node in nodes for each in node.settings)


def _read(fold: Fold, index: int, name: str, value: Value) -> SettingValue | None:
    node = fold.graph.nodes[index]
    if node.kind is Kind.CONFIGURATION:
        return _option(node.provider, name)
    try:
        holder = node.provider.provides if node.kind is Kind.OBJECT else value(index)
    except KeyError:
        return None
    found = _found(holder, name)
    text = REDACTED if found is _ABSENT and is_secret_name(name) else _shown(name, found)
    return SettingValue(text, _source(holder, name.partition(".")[0]))


def _option(configuration: Any, name: str) -> SettingValue:
    return SettingValue(_shown(name, _found(configuration(), name)), UNKNOWN_SOURCE)


def _shown(name: str, found: Any) -> str:
    return "not set" if found is _ABSENT else shown(name, found)


def _found(holder: Any, name: str) -> Any:
    """Go down into an object or a mapping, the way that the wiring itself goes."""
    for step in name.split("."):
        holder = holder.get(step, _ABSENT) if isinstance(holder, Mapping) else _attribute(holder, step)
    return holder


def _attribute(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name, _ABSENT)
    except (AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError):
        return _ABSENT


def _source(holder: Any, name: str) -> str:
    sources = getattr(holder, "sources", None)
    try:
        told = sources() if callable(sources) else {}
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        told = {}
    found = told.get(name) if isinstance(told, Mapping) else None
    return str(found) if found else UNKNOWN_SOURCE
