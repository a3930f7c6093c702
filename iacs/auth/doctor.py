"""A check of what sign-ins depend on, step by step: settings, clock, registration, redirect address, credential."""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from iacs.core import clock
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    DegradedError,
    IACSGraphError,
)
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient

_MAX_SKEW = 60.0
_NUMBER = re.compile(rb"AADSTS(\d{4,9})")


_GUIDE = "docs/tenant-setup.md"
_UNKNOWN_APPLICATION = {700016, 70001, 7000112, 90002}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one step; without a `problem` it is as it should be, or `note` says why it was not checked.

    `guide` is the section of the documentation that says what to click.
    """

    step: str
    problem: str = ""
    hint: str = ""
    note: str = ""
    guide: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What Entra ID answered to a silent sign-in of nobody."""

    is_redirected: bool = False
    is_refused: bool = False
    number: int = 0


class Doctor:
    """The checks of one app registration and the machine that uses it; `authority_host` is Entra ID's URL."""

    def __init__(
        self,
        http: HttpClient,
        oauth_client: OAuthClient,
        *,
        authority_host: str,
        graph_url: str = "https://graph.microsoft.com/v1.0",
    ) -> None:
        self._http = http
        self._oauth_client = oauth_client
        self._authority_host = authority_host
        self._graph_url = graph_url
        self._answer = _Answer()

    async def examine(self) -> AsyncIterator[Diagnosis]:
        """Yield the result of each step; the steps after an unreachable Entra ID, or a missing setting, are left out."""
        steps: dict[str, tuple[Callable[[], Awaitable[str]], str]] = {
            "clock": (self._clock, "clock-and-network"),
            "registration": (self._registration, "app-registration"),
            "redirect address": (self._redirect_address, "redirect-address"),
            "credential": (self._credential, "secret-or-certificate"),
            "consent": (self._consent, "consent"),
            "Microsoft Graph": (self._graph, "clock-and-network"),
        }
        try:
            await self._oauth_client.probe()
        except DegradedError as error:
            guide = f"{_GUIDE}#secret-or-certificate"
            yield Diagnosis("expiry of the credential", str(error), error.hint, guide=guide)
        except IACSGraphError as error:
            yield Diagnosis(
                "settings and Entra ID", str(error), error.hint, guide=f"{_GUIDE}#app-registration"
            )
            return
        yield Diagnosis("settings and Entra ID", guide=f"{_GUIDE}#app-registration")
        for step, (check, section) in steps.items():
            yield await _diagnosis(step, check, f"{_GUIDE}#{section}")

    async def _clock(self) -> str:
        """Compare this machine's clock with Entra ID's: tokens are valid for a minute on either side."""
        response = await self._http.send(
            "GET", f"{self._authority_host.rstrip('/')}/common/discovery/v2.0/keys"
        )
        try:
            skew = (parsedate_to_datetime(response.headers["Date"]) - clock.now()).total_seconds()
        except (KeyError, TypeError, ValueError):
            return "the answer of Entra ID has no date"
        if abs(skew) > _MAX_SKEW:
            raise ConfigurationError(
                [f"the clock of this machine is {abs(skew):.0f} seconds {'behind' if skew > 0 else 'ahead'}"],
                hint="synchronise it, for example with chrony or systemd-timesyncd",
            )
        return ""

    async def _registration(self) -> str:
        """Ask for a silent sign-in of nobody: an application that Entra ID does not know is refused by number."""
        url = await self._oauth_client.authorization_url(
            state=secrets.token_urlsafe(16),
            nonce=secrets.token_urlsafe(16),
            code_challenge="A" * 43,
            login_hint="",
            prompt="none",
        )
        response = await self._http.send("GET", url)
        location = response.headers.get("Location", "")
        if location.startswith(self._oauth_client.redirect_uri):
            self._answer = _Answer(is_redirected=True)
            return ""
        number = _NUMBER.search(response.body)
        self._answer = _Answer(number=int(number[1]) if number else 0, is_refused=response.status >= 400)
        if self._answer.number in _UNKNOWN_APPLICATION:
            raise ConfigurationError(
                [f"Entra ID does not know the application in this tenant (AADSTS{self._answer.number})"],
                hint="in the Entra admin centre, open App registrations, the application, Overview, and compare"
                " Application (client) ID with AZURE_CLIENT_ID, and Directory (tenant) ID with AZURE_TENANT_ID",
            )
        return ""

    async def _redirect_address(self) -> str:
        """Entra ID redirects the refusal of the sign-in before to a registered address only."""
        uri, answer = self._oauth_client.redirect_uri, self._answer
        if answer.is_redirected:
            return ""
        if answer.number in _UNKNOWN_APPLICATION:
            return "not checked: the application is not known"
        if not answer.number and not answer.is_refused:
            return f"Entra ID did not say whether {uri} is registered"
        named = f" (AADSTS{answer.number})" if answer.number else ""
        raise ConfigurationError(
            [f"Entra ID does not redirect to AZURE_REDIRECT_URI, {uri}{named}"],
            hint="in the Entra admin centre, open App registrations, the application, Authentication, and add it under"
            f" Web{'' if urlsplit(uri).scheme == 'https' else ' (http is allowed for localhost)'}",
        )

    async def _credential(self) -> str:
        """Request a token for the application itself, which needs no permission."""
        try:
            await self._oauth_client.client_credentials(tenant_id="")
        except ConfigurationError as error:
            return f"{error}: not checked"
        return ""

    async def _consent(self) -> str:
        """Nobody is signed in, so that the consents cannot be read: say where an administrator gives them."""
        try:
            url = self._oauth_client.admin_consent_url()
        except ConfigurationError:
            return "each person consents at the sign-in"
        return f"each person consents at the sign-in, or an administrator for everybody, at {url}"

    async def _graph(self) -> str:
        """Request anything without a token: every answer shows that Graph can be reached."""
        await self._http.send("GET", self._graph_url)
        return ""


async def _diagnosis(step: str, check: Callable[[], Awaitable[str]], guide: str) -> Diagnosis:
    try:
        return Diagnosis(step, note=await check(), guide=guide)
    except (AuthenticationError, ConfigurationError, APIConnectionError) as error:
        return Diagnosis(step, str(error), error.hint, guide=guide)
