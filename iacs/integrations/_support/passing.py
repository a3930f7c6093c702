"""A scope that is passed what a framework has and the container declares: a request, a task."""

from collections.abc import Coroutine, Hashable, Iterable
from types import TracebackType
from typing import Any

from iacs.runtime import Application, Scope
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.views.passing import Passed, passing
from iacs.runtime.views.registry import view_of
from iacs.runtime.views.view import View


class PassingScope(Scope):
    """A scope of an application, or of the overlay of it that is current; `objects` are what the framework has.

    Each stands for every `scoped.value` of its class or of a base class. `answered` is an error of the block that
    the framework has turned into an answer, so that nobody raises it any more: resources see it all the same.
    """

    answered: BaseException | None = None

    def __init__(self, application: Application[Any], *objects: Any) -> None:
        super().__init__(view_of(application), {})
        self.application = application
        self._objects = objects

    @property
    def key(self) -> Hashable:
        """What decides which classes the scope can be passed."""
        return tuple(map(type, self._objects))

    def is_instance(self, cls: type[Any]) -> bool:
        """Return whether the scope can be passed an object of this class."""
        return any(isinstance(candidate, cls) for candidate in self._objects)

    def instance(self, cls: type[Any]) -> Any:
        """Return the object of this class."""
        return next(candidate for candidate in self._objects if isinstance(candidate, cls))

    def knowing(self, parent: View) -> Passed:
        """Return what is known of the values; it is worked out once for all scopes of a parent."""
        key = self.key
        known = parent.passed.get(key) or self._look(parent, key)
        self._classes: tuple[type[Any], ...] = known[0]
        return known[1]

    def _look(self, parent: View, key: Hashable) -> tuple[tuple[type[Any], ...], Passed]:
        nodes = parent.plan.graph.nodes
        values = {node.path: node.provider.provides for node in nodes if node.kind is Kind.SCOPED_VALUE}
        classes = {path: cls for path, cls in values.items() if self.is_instance(cls)}
        known = parent.passed[key] = tuple(classes.values()), passing(parent, classes)
        return known

    def passed_values(self) -> Iterable[Any]:
        """Return an object for each value of the container, when the first part is read that needs one."""
        return [self.instance(cls) for cls in self._classes]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error or self.answered, trace)

    def __aexit__(  # pyright: ignore[reportIncompatibleMethodOverride] # one coroutine less
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Coroutine[Any, Any, bool | None]:
        return super().__aexit__(kind, error or self.answered, trace)
