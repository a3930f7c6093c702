"""What health says, as data: each part that was probed, and each module with the way to what ails it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any


class Status(StrEnum):
    """How a part or a module is; a degraded one works, but a person must act. From best to worst."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"

    @property
    def http_status(self) -> int:
        """Return 503 when down, 200 otherwise: a restart or another instance mends nothing that is degraded."""
        return HTTPStatus.SERVICE_UNAVAILABLE if self is Status.DOWN else HTTPStatus.OK


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of some statuses; up when there are none."""
    return max(statuses, key=list(Status).index, default=Status.UP)


@dataclass(frozen=True, slots=True)
class PartHealth:
    """What a part's probe said, in `seconds`: `detail`, a str or what JSON takes, or why it is not up."""

    path: str
    status: Status
    seconds: float
    detail: Any = None
    error: str = ""

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        told: dict[str, Any] = {"status": self.status.value, "seconds": round(self.seconds, 6)}
        if details and self.detail is not None:
            told["detail"] = self.detail
        if details and self.error:
            told["error"] = self.error
        return told


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a module is not up: `path` leads from one of its providers to the part whose `error` it is."""

    path: tuple[str, ...]
    status: Status
    error: str

    def __str__(self) -> str:
        return f"{' -> '.join(self.path)}: {self.error}"

    @property
    def part(self) -> str:
        """Return the path of the part itself."""
        return self.path[-1]

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        told: dict[str, Any] = {"path": list(self.path), "status": self.status.value}
        return told | {"error": self.error} if details else told


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a module can do its work: no cause means up."""

    name: str
    causes: tuple[Cause, ...] = ()

    @property
    def status(self) -> Status:
        """Return the worst that was found."""
        return worst(cause.status for cause in self.causes)

    @property
    def up(self) -> bool:
        """Tell whether the module works, degraded or not."""
        return self.status is not Status.DOWN

    @property
    def http_status(self) -> int:
        """Return the status of an HTTP answer that tells this."""
        return self.status.http_status

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        causes = [cause.to_dict(details=details) for cause in self.causes]
        return {"status": self.status.value, "causes": causes}


@dataclass(frozen=True, slots=True)
class Health:
    """How an application is: the readiness of each module, and each part that was probed.

    `error` says why there is nothing to ask: the application is not started, or could not be.
    This is readiness: whether to send work here. Liveness, whether to restart the process, asks no part: a
    process that can answer is alive, and a restart brings back no database.
    """

    modules: tuple[Readiness, ...] = ()
    parts: tuple[PartHealth, ...] = ()
    error: str = ""

    @property
    def status(self) -> Status:
        """Return the worst of all parts."""
        return Status.DOWN if self.error else worst(part.status for part in self.parts)

    @property
    def up(self) -> bool:
        """Tell whether everything works, degraded or not."""
        return self.status is not Status.DOWN

    @property
    def http_status(self) -> int:
        """Return the status of an HTTP answer that tells this: 200, or 503 when something is down."""
        return self.status.http_status

    def module(self, name: str) -> Readiness:
        """Return one module's readiness; raise KeyError when there is none of that name."""
        return {each.name: each for each in self.modules}[name]

    def to_dict(self, *, details: bool = True) -> dict[str, Any]:
        """Return what JSON takes; without `details`, nothing that the public may not read."""
        told: dict[str, Any] = {"error": self.error} if details and self.error else {}
        return {
            "status": self.status.value,
            **told,
            "modules": {each.name: each.to_dict(details=details) for each in self.modules},
            "parts": {each.path: each.to_dict(details=details) for each in self.parts},
        }
