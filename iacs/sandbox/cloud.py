"""The state that both halves of the cloud, Entra ID and Graph, share."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from iacs.sandbox.directory import Directory, Person, stable_id
from iacs.sandbox.entra.consents import Consents
from iacs.sandbox.entra.device_sign_ins import DeviceSignIns
from iacs.sandbox.entra.refusals import Refusal, satisfies
from iacs.sandbox.entra.token_issuer import TokenIssuer
from iacs.sandbox.faults import Faults
from iacs.sandbox.mail.mailbox import Mailbox

_SECRET_LIFETIME = 730 * 86400
"""The longest that Microsoft's portal offers."""


@dataclass
class Behaviour:
    """Settings in which real tenants differ; a test may change them while the cloud runs. Durations are in seconds."""

    access_token_lifetime: int = 4027
    """Deliberately not a round hour: Entra ID chooses a random value between 60 and 90 minutes."""
    refresh_in: int | None = None
    """The age at which a client should refresh early; sent if set."""
    strict_rotation: bool = False
    """Revoke all tokens of a sign-in when a replaced refresh token is used again (Entra ID accepts it)."""
    code_lifetime: int = 600
    device_code_lifetime: int = 900
    device_code_interval: int = 5
    empty_pages: bool = False
    """Answer every second delta page without items, as the delta documentation allows."""
    mailbox_concurrency: int | None = 4
    """The maximum number of concurrent requests per mailbox; more are rejected with 429."""


@dataclass
class RecordedRequest:
    """A request that the cloud received; `at` is monotonic seconds, `status` is 0 without a response."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    at: float
    user: str | None = None
    """The address of the person, as far as the request names one; the client id for the application itself."""
    grant_type: str | None = None
    status: int = 0


Audience = Literal["AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount"]
"""Who may use an application, as its manifest names it."""


@dataclass
class Secret:
    """A client secret; times are Unix time."""

    value: str = field(repr=False)
    created_at: float
    expires_at: float


@dataclass
class Registration:
    """The only application that is registered."""

    client_id: str
    secrets: list[Secret]
    certificates: list[bytes] = field(default_factory=list)
    """PEM. Without any, the signature of an assertion is not checked."""
    audience: Audience = "AzureADandPersonalMicrosoftAccount"


@dataclass
class Permissions:
    """Who may open the mailboxes of others; addresses are in lower case."""

    full_access: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of a mailbox and a person who may open it."""
    application_policy: frozenset[str] | None = None
    """The mailboxes that the application may open with its own token; None: all."""


@dataclass
class Cloud:
    """The whole state, in memory."""

    directory: Directory
    registration: Registration
    behaviour: Behaviour
    issuer: TokenIssuer
    faults: Faults = field(default_factory=Faults)
    device_sign_ins: DeviceSignIns = field(default_factory=DeviceSignIns)
    requests: list[RecordedRequest] = field(default_factory=list)
    permissions: Permissions = field(default_factory=Permissions)
    consents: Consents = field(default_factory=Consents)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """By object id."""
    in_flight: Counter[str] = field(default_factory=Counter)
    """The number of requests that are being answered, by mailbox."""

    def refusal(self, person: Person | None) -> Refusal | None:
        """Return the refusal that Entra ID repeats to a person."""
        return self.refusals.get(person.object_id) if person else None

    def lift_refusal(self, person: Person, *, claims: str) -> None:
        """End the refusal of a person who has signed in with the claims that it demands."""
        refused = self.refusal(person)
        if refused and not refused.blocks and satisfies(claims, refused.claims):
            del self.refusals[person.object_id]


def new_cloud(addresses: Iterable[str], behaviour: Behaviour, issuer: TokenIssuer) -> Cloud:
    """Return a cloud with empty mailboxes, in which nothing has happened."""
    directory = Directory(stable_id("tenant"), [Mailbox(address) for address in addresses])
    secret = Secret(f"{stable_id('secret')}~not-for-production", now := time.time(), now + _SECRET_LIFETIME)
    return Cloud(directory, Registration(stable_id("application"), [secret]), behaviour, issuer)


CLOUD: web.AppKey[Cloud] = web.AppKey("cloud", Cloud)
RECORD: web.RequestKey[RecordedRequest] = web.RequestKey("record", RecordedRequest)
TOKEN_FIELDS: web.RequestKey[dict[str, object]] = web.RequestKey("token_fields", dict)
"""Fields that replace those of a token response; `...` leaves one out."""


def origin(request: web.Request) -> str:
    """Return the scheme and host of the request, so that links use the same ones."""
    return f"{request.scheme}://{request.host}"
