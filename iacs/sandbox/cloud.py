"""The state that both halves of the cloud, Entra ID and Graph, share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from iacs.sandbox.directory import Directory
from iacs.sandbox.entra.device_sign_ins import DeviceSignIns
from iacs.sandbox.entra.issuing import TokenIssuer
from iacs.sandbox.faults import Faults


@dataclass
class Behaviour:
    """The ways in which real tenants differ, which a test may change while the cloud runs; durations in seconds."""

    access_token_lifetime: int = 4027
    """Not a round hour on purpose: Entra ID draws it between 60 and 90 minutes."""
    refresh_in: int | None = None
    """Sent when set: the age at which a client should refresh ahead of time."""
    strict_rotation: bool = False
    """Revoke every token of a sign-in when a replaced refresh token comes back (Entra ID lets it live)."""
    code_lifetime: int = 600
    device_code_lifetime: int = 900
    device_code_interval: int = 5
    empty_pages: bool = False
    """Answer every second delta page without items, as the delta documentation allows."""
    mailbox_concurrency: int | None = 4
    """Requests that one mailbox serves at a time; one more is refused with 429."""


@dataclass
class RecordedRequest:
    """A request that the cloud received; `at` is monotonic seconds, `status` 0 without an answer."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    at: float
    user: str | None = None
    """The mailbox's address, or the client id for an application's own token."""
    grant_type: str | None = None
    status: int = 0


@dataclass
class Registration:
    """The one application that the tenant knows."""

    client_id: str
    client_secret: str
    certificates: list[bytes] = field(default_factory=list)
    """PEM. Without any, the signature of an assertion is not checked."""


@dataclass
class Cloud:
    """The whole state; it is in memory and ends with the process."""

    directory: Directory
    registration: Registration
    behaviour: Behaviour
    issuer: TokenIssuer
    faults: Faults = field(default_factory=Faults)
    device_sign_ins: DeviceSignIns = field(default_factory=DeviceSignIns)
    requests: list[RecordedRequest] = field(default_factory=list)


CLOUD: web.AppKey[Cloud] = web.AppKey("cloud", Cloud)
RECORD: web.RequestKey[RecordedRequest] = web.RequestKey("record", RecordedRequest)


def origin(request: web.Request) -> str:
    """Return scheme and host as the client named them, so that links use the same ones."""
    return f"{request.scheme}://{request.host}"
