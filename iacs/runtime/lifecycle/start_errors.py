"""The errors of a start, each with the path from what is used to the part that failed."""

from time import perf_counter

from iacs.core.exceptions import IACSGraphError, StartError
from iacs.runtime.graph.graph import Graph
from iacs.runtime.plan.expressions import MAKE_SINGLETONS, TOO_DEEP
from iacs.runtime.plan.parts import Part


class StartErrors:
    """Makes the errors of a start whose deadline for each part is `seconds`."""

    def __init__(self, graph: Graph, seconds: float) -> None:
        self._graph = graph
        self._seconds = seconds

    def of(self, part: Part, began: float, error: Exception) -> StartError:
        """Return the error for what a part raised, without its own text: that may quote a secret, and the cause has it."""
        if isinstance(error, StartError):
            return error
        if isinstance(error, TimeoutError) and perf_counter() - began >= self._seconds:
            return self.overrun(part, began)
        if isinstance(error, RecursionError):
            return self.error(part, TOO_DEEP, MAKE_SINGLETONS)
        if isinstance(error, IACSGraphError):
            return self.error(part, str(error), error.hint)
        return self.error(part, type(error).__name__)

    def overrun(self, part: Part, began: float) -> StartError:
        """Return the error of a part that took too long."""
        took = perf_counter() - began
        return self.error(part, f"took {took:.2g} s to start, and start_timeout is {self._seconds:g} s")

    def error(self, part: Part, reason: str, hint: str = "") -> StartError:
        """Return an error that names the part and what depends on it."""
        chain = " -> ".join(self._graph.chain(part.index))
        return StartError(f"{chain}: {reason}", path=part.path, hint=hint)
