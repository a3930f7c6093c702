"""What the two halves of the cloud, Entra ID and Graph, share."""

from dataclasses import dataclass, field

from aiohttp import web

from iacs.sandbox.behaviour import Behaviour
from iacs.sandbox.directory import Directory
from iacs.sandbox.entra.device_sign_ins import DeviceSignIns
from iacs.sandbox.entra.issuing import TokenIssuer
from iacs.sandbox.faults import Faults
from iacs.sandbox.recording import RecordedRequest


@dataclass
class Registration:
    """Be the one application that the tenant knows."""

    client_id: str
    client_secret: str
    certificates: list[bytes] = field(default_factory=list)
    """PEM. Without any, an assertion's signature cannot be checked and is taken as good."""


@dataclass
class Cloud:
    """Hold the whole state; it lives in memory and ends with the process."""

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
    """Return scheme and host as the client named them, so that links lead back the same way."""
    return f"{request.scheme}://{request.host}"
