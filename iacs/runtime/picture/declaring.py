"""The container that declares a provider."""

from typing import Any

from dependency_injector import providers

from iacs.runtime.graph.graph import Graph
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.picture.modules import module_of


class Declarers:
    """The container of each path, and the class that declares the provider."""

    def __init__(self, graph: Graph) -> None:
        self._classes: dict[str, Any] = {"": getattr(graph.container, "declarative_parent", None)}
        for node in graph.nodes:
            if node.kind is Kind.CONTAINER and node.named:
                is_container = isinstance(node.provider, providers.Container)
                inner = node.provider.container if is_container else None
                self._classes[node.path] = getattr(inner, "declarative_parent", None)
        self._groups: dict[str, str] = {}

    @property
    def outermost(self) -> str:
        """The `module:qualname` of the outermost container's class; empty for one assembled at run time."""
        cls = self._classes[""]
        return module_of(cls) if cls else ""

    def group(self, path: str) -> str:
        """Return the path of the container that holds `path`."""
        trail, parent = [], path
        while True:
            trail.append(parent)
            parent = parent.rpartition(".")[0]
            if parent in self._groups:
                holder = self._groups[parent]
                break
            if parent in self._classes:
                holder = parent
                break
        self._groups.update(dict.fromkeys((step for step in trail if step not in self._classes), holder))
        return holder

    def class_of(self, path: str) -> Any:
        """Return the class whose body declares `path`, an ancestor when it is inherited; else None."""
        group = self.group(path)
        cls = self._classes[group]
        name = self.attribute(path)
        ancestors = getattr(cls, "__mro__", ())
        return next(
            (ancestor for ancestor in ancestors if name in vars(ancestor).get("cls_providers", ())), cls
        )

    def attribute(self, path: str) -> str:
        """Return the name under which the container declares `path`, or what `path` is written inside."""
        group = self.group(path)
        return path.removeprefix(f"{group}.").partition(".")[0] if group else path.partition(".")[0]

    def declared(self, path: str) -> str:
        """Return `module:qualname` of the class that declares `path`; empty when no class does."""
        cls = self.class_of(path)
        return module_of(cls) if cls else ""
