"""What an application, and each overlay of it, tells about itself: health, graph and explanation."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from iacs.runtime.expressions import UNSET
from iacs.runtime.home import Home
from iacs.runtime.kinds import Kind
from iacs.runtime.view import View

if TYPE_CHECKING:  # loaded when they are asked for
    from iacs.runtime.explain import Explanation
    from iacs.runtime.health import Health, Probes
    from iacs.runtime.picture import Picture


class TellingView(View):
    """A view that tells how its parts are, and what is wired to what."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._probes: Probes | None = None

    def __repr__(self) -> str:
        """Name what the view is of: the parts of an application, what an overlay replaces."""
        graph = self.plan.graph
        of = getattr(getattr(graph.container, "declarative_parent", None), "__qualname__", "a container")
        indexes = sorted(self._overlaid() or self._there())
        paths = ", ".join(graph.nodes[index].path for index in indexes) or "nothing started"
        return f"<{type(self).__name__} of {of}: {paths}>"

    async def health(self, timeout: float = 3.0) -> "Health":
        """Ask every started part that has a probe, in parallel; `timeout` is in seconds for each.

        An application that is not started is down. Raise ForeignLoopError in another event loop than its own.
        """
        from iacs.runtime.health import Health, Probes, health

        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            return Health(error="the application is not started")
        if self.home.bound:
            self.home.admit(lambda: self.plan.graph.nodes[min(self.home.bound)].path)
        self._probes = self._probes or Probes()
        parts = {index: self.values[index] for index in self._there()}
        graph, chosen = self.plan.graph, self._chosen()
        return await health(graph, parts, timeout=timeout, chosen=chosen, probes=self._probes)

    def graph(self) -> "Picture":
        """Return the wiring as data, which draws itself."""
        from iacs.runtime.picture import picture

        return picture(
            self.plan.graph, overlaid=self._overlaid(), chosen=self._chosen(), started=self._there()
        )

    def explain(self, path: str) -> "Explanation":
        """Return where a part is declared, what it receives and from where, and which settings it reads."""
        from iacs.runtime.explain import explain

        return explain(
            self.plan.graph,
            path,
            value=self._value_or_raise,
            overlaid=self._overlaid(),
            chosen=self._chosen(),
            started=self._there(),
        )

    def _overlaid(self) -> Collection[int]:
        """Return the parts that are others than the container says."""
        return self.plan.replaced

    def _there(self) -> list[int]:
        return [i for i in (*self.plan.parts, *self.plan.replaced) if self.values[i] is not UNSET]

    def _value_or_raise(self, index: int) -> Any:
        if not self.is_started or not self.has(index):
            raise KeyError(index)
        return self.value(index)

    def _chosen(self) -> dict[int, int]:
        nodes = self.plan.graph.nodes
        selectors = (node.index for node in nodes if node.kind is Kind.SELECTOR)
        return {index: self.values[index] for index in selectors if self.values[index] is not UNSET}
