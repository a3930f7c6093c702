"""The view of an application for threads without a context, such as those of an executor."""

from collections.abc import Mapping
from typing import Any, Final

from iacs.core.exceptions import ScopeError
from iacs.runtime.graph.nodes import Node
from iacs.runtime.views.loop_context import LoopContext, running_loop
from iacs.runtime.views.nesting import NestingView
from iacs.runtime.views.view import Key, View

HAND_OVER: Final = (
    "hand the context over: await asyncio.to_thread(work), or copy_context().run(work) in the thread"
)


def has_lost_its_context(home: LoopContext) -> bool:
    """Return whether this thread, which runs in no context, may work for an overlay or a scope that is open."""
    return bool(home.overlays or home.scopes) and (home.loop is None or running_loop() is not home.loop)


class DetachedView(NestingView):
    """The parts of an application, without those that an open overlay replaces, and without scoped ones.

    Whether the thread works for that overlay or scope cannot be known, so it is given what is the same in all.
    """

    def __init__(self, application: View) -> None:
        super().__init__(application.loop_context)
        self.outer_view = self._application = application
        self.plan, self.values = application.plan, application.values
        self.lookup, self.roots = application.lookup, application.roots

    @property
    def is_started(self) -> bool:
        """Return whether parts can be read."""
        return self._application.is_started

    @property
    def passed(self) -> dict[Any, Any]:
        """The cache that scopes of the application share."""
        return self._application.passed

    def read(self, key: Key) -> Any:
        """Return a part; raise ScopeError when the code that started the thread may have another one."""
        self.refuse_what_differs(self.plan.graph.nodes[self.lookup.index_in(key, self.values)])
        return super().read(key)

    def refuse_what_differs(self, node: Node) -> None:
        """Raise ScopeError when an open scope or overlay has another part in its place."""
        reason = ""
        if node.index in self.plan.scoped:
            reason = "is scoped, and this thread runs in the context of no scope"
        elif any(node.index in overlay.plan.affected for overlay in tuple(self.loop_context.overlays)):
            reason = "is another one in an overlay that is open, and this thread has no context"
        if reason:
            raise ScopeError(f"{node.path} {reason}", path=node.path, hint=HAND_OVER)

    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object does not fit its part."""
        self._application.fits(values)

    def new_loop_context(self) -> LoopContext:
        """Return a loop context of its own."""
        return self._application.new_loop_context()

    def open_here(self) -> None:
        """Build parts of its own in a forked child."""
        self._application.open_here()

    def forked(self) -> None:
        """Keep nothing: it has no parts of its own."""
