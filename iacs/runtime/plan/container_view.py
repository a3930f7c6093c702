"""A container that is injected or chosen, as an overlay or a scope sees it."""

from collections.abc import Mapping
from typing import Any

from iacs.runtime.graph.kinds import Provider


class ContainerView:
    """The providers of a container, which give the values of one view; the rest is the container's own."""

    def __init__(self, container: Any, providers: Mapping[str, Provider]) -> None:
        self._container = container
        self.providers = dict(providers)

    def __getattr__(self, name: str) -> Any:
        return self.providers[name] if name in self.providers else getattr(self._container, name)
