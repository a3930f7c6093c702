"""The addresses that a person has in their directory, as Microsoft Graph returns them at /me."""

import json
from typing import Any

from pydantic import SecretStr

from iacs.core.exceptions import APIConnectionError
from iacs.core.http_client import HttpClient

_FIELDS = ("mail", "userPrincipalName", "proxyAddresses", "otherMails")


class Directory:
    """The directory of the person to whom an access token belongs; `graph_url` is Microsoft Graph's base URL."""

    def __init__(self, http: HttpClient, *, graph_url: str) -> None:
        self._http = http
        self._url = f"{graph_url.rstrip('/')}/me?$select={','.join(('id', *_FIELDS))}"

    async def addresses(self, access_token: SecretStr, *, object_id: str) -> frozenset[str]:
        """Return the addresses of a person, in lower case; none if the profile is that of somebody else.

        Personal accounts may lack some of the fields, which Graph answers with 400: they count as no addresses.
        Raises APIConnectionError.
        """
        headers = {"Authorization": SecretStr(f"Bearer {access_token.get_secret_value()}")}
        response = await self._http.send("GET", self._url, headers=headers)
        if response.status in (400, 404):
            return frozenset()
        try:
            profile = json.loads(response.body) if response.status == 200 else None
        except (ValueError, RecursionError):
            profile = None
        if not isinstance(profile, dict):
            raise APIConnectionError(
                f"Microsoft Graph did not return the profile of the person (HTTP {response.status})",
                status=response.status,
                retry_after=response.retry_after,
                hint="include User.Read in AZURE_SCOPES; start the sign-in again",
            )
        return _addresses(profile) if profile.get("id") == object_id else frozenset()


def _addresses(profile: dict[str, Any]) -> frozenset[str]:
    """Return the addresses of a profile: a proxy address is written SMTP:address, or with another protocol."""
    values: list[object] = []
    for name in _FIELDS:
        value = profile.get(name)
        values += value if isinstance(value, list) else [value]
    texts = [value.strip().lower() for value in values if isinstance(value, str)]
    mail = [text.removeprefix("smtp:") for text in texts]
    return frozenset(text for text in mail if "@" in text and ":" not in text)
