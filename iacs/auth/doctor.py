"""A check of what sign-ins depend on, step by step: settings, reachability, clock, redirect address, credential."""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from iacs.core import clock
from iacs.core.exceptions import (
    AuthenticationError,
    ConfigurationError,
    DegradedError,
    IACSGraphError,
    MalformedResponseError,
)
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient

_MAX_SKEW = 60.0
_NUMBER = re.compile(rb"AADSTS(\d{4,9})")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one step; without a `problem` it is as it should be, or `note` says why it was not checked."""

    step: str
    problem: str = ""
    hint: str = ""
    note: str = ""


class Doctor:
    """The checks of one app registration and the machine that uses it; `authority_host` is Entra ID's URL."""

    def __init__(self, http: HttpClient, oauth_client: OAuthClient, *, authority_host: str) -> None:
        self._http = http
        self._oauth_client = oauth_client
        self._authority_host = authority_host

    async def examine(self) -> AsyncIterator[Diagnosis]:
        """Yield the result of each step; the steps after an unreachable Entra ID, or a missing setting, are left out."""
        steps: dict[str, Callable[[], Awaitable[str]]] = {
            "clock": self._clock,
            "redirect address": self._redirect_address,
            "credential": self._credential,
        }
        try:
            await self._oauth_client.probe()
        except DegradedError as error:
            yield Diagnosis("expiry of the credential", str(error), error.hint)
        except IACSGraphError as error:
            yield Diagnosis("settings and Entra ID", str(error), error.hint)
            return
        yield Diagnosis("settings and Entra ID")
        for step, check in steps.items():
            yield await _diagnosis(step, check)

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

    async def _redirect_address(self) -> str:
        """Ask for a silent sign-in of nobody: Entra ID redirects the refusal to a registered address only."""
        uri = self._oauth_client.redirect_uri
        url = await self._oauth_client.authorization_url(
            state=secrets.token_urlsafe(16),
            nonce=secrets.token_urlsafe(16),
            code_challenge="A" * 43,
            login_hint="",
            prompt="none",
        )
        response = await self._http.send("GET", url)
        if response.headers.get("Location", "").startswith(uri):
            return ""
        number = _NUMBER.search(response.body)
        named = f" (AADSTS{number[1].decode()})" if number else ""
        if number is None and response.status < 400:
            return f"Entra ID did not say whether {uri} is registered"
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


async def _diagnosis(step: str, check: Callable[[], Awaitable[str]]) -> Diagnosis:
    try:
        return Diagnosis(step, note=await check())
    except (AuthenticationError, ConfigurationError, MalformedResponseError) as error:
        return Diagnosis(step, str(error), error.hint)
