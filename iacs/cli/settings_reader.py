"""Reading the settings of a container without starting it."""

import inspect
from typing import Any

from iacs.cli.output import note
from iacs.core.exceptions import IACSGraphError
from iacs.runtime.graph.graph import Graph
from iacs.runtime.graph.kinds import Kind, is_asynchronous
from iacs.runtime.picture.settings import Holders

_READ = frozenset({Kind.SINGLETON, Kind.FACTORY, Kind.LOCAL})


class SettingsReader:
    """A lookup of settings objects by index; `problems` has a sentence for every one that cannot be read."""

    def __init__(self, graph: Graph) -> None:
        self.problems: list[str] = []
        self._graph = graph
        self._holders = Holders(graph)
        self._read: dict[int, Any] = {}

    def __call__(self, index: int) -> Any:
        """Return the settings object, built if necessary; raise KeyError for anything else."""
        if index not in self._read:
            self._read[index] = self._build(index)
        if self._read[index] is None:
            raise KeyError(index)
        return self._read[index]

    def _build(self, index: int) -> Any:
        node = self._graph.nodes[index]
        plain = node.kind in _READ and not node.inputs and not is_asynchronous(node.provider.provides)
        if not plain or index not in self._holders:
            return None
        try:
            value = node.provider()
        except IACSGraphError as error:
            self.problems.append(f"{node.path} cannot be read: {error.message_with_hint}")
        except Exception as error:  # noqa: BLE001 - settings of the user; the wiring is shown anyway
            self.problems.append(f"{node.path} cannot be read: {_without_values(error)}")
        else:
            return None if inspect.isawaitable(value) else value
        return None

    def report(self) -> None:
        """Print on standard error which settings could not be read."""
        for problem in self.problems:
            note(problem)


def _without_values(error: Exception) -> str:
    """Return the error's type and the settings that it concerns; its own text may quote secrets."""
    errors = getattr(error, "errors", None)
    details: Any = errors() if callable(errors) else ()
    names = [
        ".".join(map(str, detail["loc"]))
        for detail in details
        if isinstance(detail, dict) and "loc" in detail
    ]
    about = f" for {', '.join(dict.fromkeys(names))}" if names else ""
    return f"{type(error).__name__}{about}"
