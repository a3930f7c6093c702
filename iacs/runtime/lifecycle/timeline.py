"""What was started and stopped when, how long it took, and beside what."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

_logger = logging.getLogger("iacs.runtime")


@dataclass(frozen=True, slots=True)
class Step:
    """A part's start or stop: `began` is in seconds after the application's start, `took` in seconds.

    `error` is the type of what was raised, empty when all went well.
    """

    path: str
    action: Literal["start", "stop"]
    began: float
    took: float
    error: str = ""

    @property
    def ended(self) -> float:
        """Return when it was over, in seconds after the application's start."""
        return self.began + self.took


class Timeline(list[Step]):
    """The steps in the order in which they ended; `str()` gives a table, with the paths of `scoped` parts at its end."""

    def __init__(self, scoped: Iterable[str] = ()) -> None:
        super().__init__()
        self.scoped = tuple(scoped)
        self._zero = perf_counter()

    def record(
        self, path: str, action: Literal["start", "stop"], began: float, error: BaseException | None = None
    ) -> None:
        """Note a step that ends now, and log it as one event; `began` is a time of `perf_counter`."""
        error_name = type(error).__name__ if error is not None else ""
        step = Step(path, action, began - self._zero, perf_counter() - began, error_name)
        self.append(step)
        _log(step)

    def summarize(self, action: Literal["start", "stop"]) -> None:
        """Log as one event that the whole application has started, or stopped."""
        steps = [step for step in self if step.action == action]
        if steps and _logger.isEnabledFor(logging.INFO):
            took = max(step.ended for step in steps) - min(step.began for step in steps)
            done = "started" if action == "start" else "stopped"
            _logger.info("application %s", done, extra={"parts": len(steps), "seconds": round(took, 6)})

    def beside(self, step: Step) -> tuple[str, ...]:
        """Return the paths of the steps that overlap with this one in time."""
        return tuple(
            other.path
            for other in self
            if other is not step and other.began < step.ended and step.began < other.ended
        )

    def __str__(self) -> str:
        rows = [("part", "action", "began ms", "took ms", "beside")]
        rows += [_row(step, self.beside(step)) for step in sorted(self, key=lambda step: step.began)]
        rows += [(path, "scoped", "", "", "") for path in self.scoped]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(_line(row, widths) for row in rows)


def _row(step: Step, beside: tuple[str, ...]) -> tuple[str, str, str, str, str]:
    action = f"{step.action}: {step.error}" if step.error else step.action
    return step.path, action, f"{step.began * 1e3:.1f}", f"{step.took * 1e3:.1f}", ", ".join(beside)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    path, action, began, took, beside = row
    cells = (path.ljust(widths[0]), action.ljust(widths[1]), began.rjust(widths[2]), took.rjust(widths[3]))
    return "  ".join((*cells, beside)).rstrip()


def _log(step: Step) -> None:
    """Log one event a part, as cheaply as a level that is off allows; the error itself is raised elsewhere."""
    if _logger.isEnabledFor(logging.DEBUG):
        done = "stopped" if step.action == "stop" else "started"
        event = f"part could not be {done}" if step.error else f"part {done}"
        fields = {"part": step.path, "seconds": round(step.took, 6)}
        _logger.debug(event, extra=fields | ({"error": step.error} if step.error else {}))
