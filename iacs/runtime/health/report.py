"""Health as data: each part that was probed, and each module with the path to the part that is the cause."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any


class Status(StrEnum):
    """The state of a part or a module, best first; a degraded one works, but a person must act."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"

    @property
    def http_status(self) -> int:
        """503 when down, 200 otherwise: a restart or another instance fixes nothing that is degraded."""
        return HTTPStatus.SERVICE_UNAVAILABLE if self is Status.DOWN else HTTPStatus.OK


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of some statuses; up when there are none."""
    return max(statuses, key=list(Status).index, default=Status.UP)


@dataclass(frozen=True, slots=True)
class PartHealth:
    """The answer of a part's probe, after `seconds`: `detail`, a str or what JSON takes, or why it is not up.

    `error`, its stable `code` and the `hint` what to do are those of an IACSGraphError; others have no code.
    """

    path: str
    status: Status
    seconds: float
    detail: Any = None
    error: str = ""
    code: str = ""
    hint: str = ""

    @property
    def message_with_hint(self) -> str:
        """One line for people: why the part is not up, and what to do about it."""
        return _joined(self.error, self.hint)

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        document: dict[str, Any] = {"status": self.status.value, "seconds": round(self.seconds, 6)}
        if not details:
            return document
        detail = {} if self.detail is None else {"detail": self.detail}
        return document | detail | _without_empty(error=self.error, code=self.code, hint=self.hint)


@dataclass(frozen=True, slots=True)
class Cause:
    """The reason why a module is not up: `path` leads from one of its providers to the part with the `error`."""

    path: tuple[str, ...]
    status: Status
    error: str
    code: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"{' -> '.join(self.path)}: {_joined(self.error, self.hint)}"

    @property
    def part(self) -> str:
        """The path of the part itself."""
        return self.path[-1]

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        document: dict[str, Any] = {"path": list(self.path), "status": self.status.value}
        said = _without_empty(error=self.error, code=self.code, hint=self.hint) if details else {}
        return document | said


@dataclass(frozen=True, slots=True)
class Readiness:
    """The readiness of a module: without causes it is up."""

    name: str
    causes: tuple[Cause, ...] = ()

    @property
    def status(self) -> Status:
        """The worst status of all causes."""
        return worst(cause.status for cause in self.causes)

    @property
    def up(self) -> bool:
        """Whether the module works, degraded or not."""
        return self.status is not Status.DOWN

    @property
    def http_status(self) -> int:
        """The status of an HTTP answer that reports this."""
        return self.status.http_status

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        causes = [cause.to_dict(details=details) for cause in self.causes]
        return {"status": self.status.value, "causes": causes}


@dataclass(frozen=True, slots=True)
class Health:
    """The health of an application: the readiness of each module, and each part that was probed.

    `error` says why no part was probed: the application is not started, or could not be.
    This is readiness: whether to send work here. Liveness, whether to restart the process, probes no part: a
    process that can answer is alive, and a restart brings back no database.
    """

    modules: tuple[Readiness, ...] = ()
    parts: tuple[PartHealth, ...] = ()
    error: str = ""
    code: str = ""
    hint: str = ""

    @property
    def message_with_hint(self) -> str:
        """One line for people: why nothing was probed, and what to do about it."""
        return _joined(self.error, self.hint)

    @property
    def status(self) -> Status:
        """The worst status of all parts."""
        return Status.DOWN if self.error else worst(part.status for part in self.parts)

    @property
    def up(self) -> bool:
        """Whether everything works, degraded or not."""
        return self.status is not Status.DOWN

    @property
    def http_status(self) -> int:
        """The status of an HTTP answer that reports this: 200, or 503 when something is down."""
        return self.status.http_status

    def module(self, name: str) -> Readiness:
        """Return one module's readiness; raise KeyError when there is none of that name."""
        return {module.name: module for module in self.modules}[name]

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        return {
            "status": self.status.value,
            **(_without_empty(error=self.error, code=self.code, hint=self.hint) if details else {}),
            "modules": {module.name: module.to_dict(details=details) for module in self.modules},
            "parts": {part.path: part.to_dict(details=details) for part in self.parts},
        }


def _joined(error: str, hint: str) -> str:
    return "; ".join(filter(None, (error, hint)))


def _without_empty(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}
