"""The values of the settings that parts read and their sources, with secrets masked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iacs.core.exceptions import ScopeError
from iacs.redaction import REDACTED, is_secret_name
from iacs.runtime.explain.value_text import shown
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.picture import PictureNode
from iacs.runtime.picture.folding import Fold

Value = Callable[[int], Any]
"""A function that returns the value of a started part by its index, or raises KeyError."""

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
    """Raise KeyError: no part is started."""
    raise KeyError(index)


def setting_values(nodes: Iterable[PictureNode], fold: Fold, value: Value) -> Values:
    """Read the settings of `nodes` as far as started parts and loaded configurations hold them."""
    holders = {fold.path(index): index for index in fold.shown}
    names = dict.fromkeys((setting.holder, setting.name) for node in nodes for setting in node.settings)
    return {
        (holder, name): setting_value
        for holder, name in names
        if (setting_value := _read(fold, holders[holder], name, value)) is not None
    }


def _read(fold: Fold, index: int, name: str, value: Value) -> SettingValue | None:
    node = fold.graph.nodes[index]
    if node.kind is Kind.CONFIGURATION:
        return SettingValue(_shown(name, _look_up(node.provider(), name)), UNKNOWN_SOURCE)
    try:
        holder = node.provider.provides if node.kind is Kind.OBJECT else value(index)
    except (KeyError, ScopeError):
        return None
    result = _look_up(holder, name)
    text = REDACTED if result is _ABSENT and is_secret_name(name) else _shown(name, result)
    return SettingValue(text, _source(holder, name.partition(".")[0]))


def _shown(name: str, value: Any) -> str:
    return "not set" if value is _ABSENT else shown(name, value)


def _look_up(holder: Any, name: str) -> Any:
    """Follow a dotted name into objects and mappings, as the wiring does."""
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
        origins = sources() if callable(sources) else {}
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        origins = {}
    origin = origins.get(name) if isinstance(origins, Mapping) else None
    return str(origin) if origin else UNKNOWN_SOURCE
