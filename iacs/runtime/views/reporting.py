"""What a view reports about its parts: health, the wiring, and where a part comes from."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from iacs.runtime.graph.kinds import SCOPED, Kind
from iacs.runtime.plan.expressions import UNSET
from iacs.runtime.views import registry
from iacs.runtime.views.view import View

if TYPE_CHECKING:  # loaded when they are asked for
    from iacs.runtime.explain import Explanation
    from iacs.runtime.health import Health, Probes
    from iacs.runtime.picture import Picture


class ReportingView(View):
    """A view that reports on its parts."""

    _probes: "Probes | None" = None

    def __repr__(self) -> str:
        """Name the container and the started parts; of an overlay, the parts that it replaces."""
        if not hasattr(self, "plan"):  # the constructor has raised, or is about to
            return f"<{type(self).__name__}: not constructed>"
        graph = self.plan.graph
        of = getattr(getattr(graph.container, "declarative_parent", None), "__qualname__", "a container")
        indexes = sorted(self._overlaid() or self.started_indexes())
        paths = ", ".join(graph.nodes[index].path for index in indexes) or "nothing started"
        return f"<{type(self).__name__} of {of}: {paths}>"

    async def health(self, timeout: float = 3.0) -> "Health":
        """Probe every started part that has a probe, in parallel; `timeout` is in seconds for each.

        In a scope, the parts that it has built are probed too. An application that is not started is down. Raise ForeignLoopError in another event loop than its own.
        """
        from iacs.runtime.health import Health, Probes, probe_parts

        if self._is_left_behind:
            self.open_here()
        if not self.is_started:
            return Health(error="the application is not started")
        if self.loop_context.bound:
            self.loop_context.check_loop(lambda: self.plan.graph.nodes[min(self.loop_context.bound)].path)
        self._probes = self._probes or Probes()
        view = registry.entered_scope_of(self) or self
        parts = {index: view.values[index] for index in view.started_indexes()}
        graph, chosen = self.plan.graph, self._chosen()
        return await probe_parts(graph, parts, timeout=timeout, chosen=chosen, probes=self._probes)

    def graph(self) -> "Picture":
        """Return the wiring as data, which draws itself."""
        from iacs.runtime.picture import picture_of

        return picture_of(
            self.plan.graph, overlaid=self._overlaid(), chosen=self._chosen(), started=self.started_indexes()
        )

    def explain(self, path: str) -> "Explanation":
        """Return where a part is declared, what it receives and from where, and which settings it reads."""
        from iacs.runtime.explain import explain_part

        return explain_part(
            self.plan.graph,
            path,
            value=self._known_value,
            overlaid=self._overlaid(),
            chosen=self._chosen(),
            started=self.started_indexes(),
        )

    def _overlaid(self) -> Collection[int]:
        """Return the parts that this view replaces."""
        return self.plan.replaced

    def started_indexes(self) -> list[int]:
        """Return the indexes of the parts that are started."""
        return [i for i in (*self.plan.parts, *self.plan.replaced) if self.values[i] is not UNSET]

    def _known_value(self, index: int) -> Any:
        """Return a value that costs nothing to read; raise KeyError for another one."""
        is_unset = self.plan.graph.nodes[index].kind in SCOPED and self.values[index] is UNSET
        if is_unset or not self.is_started or not self.has(index):
            raise KeyError(index)
        return self.value(index)

    def _chosen(self) -> dict[int, int]:
        nodes = self.plan.graph.nodes
        selectors = (node.index for node in nodes if node.kind is Kind.SELECTOR)
        return {index: self.values[index] for index in selectors if self.values[index] is not UNSET}
