"""Entra ID's endpoints and signing keys, requested from Entra ID and cached for a day."""

import json
import time
from asyncio import sleep
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from iacs.core._oauth.errors import is_transient, response_error
from iacs.core._oauth.issuer import check_issuer
from iacs.core._oauth.tenant import is_tenant
from iacs.core._tokens.single_flight import SingleFlight
from iacs.core.exceptions import ConfigurationError, MalformedResponseError
from iacs.core.http_client import HttpClient, HttpResponse, same_origin

_MAX_AGE = 86_400.0
_LONGEST_PAUSE = 5.0

SigningKey = Mapping[str, Any]


class Metadata(BaseModel):
    """The part of the OpenID configuration that is used; `issuer` may contain `{tenantid}`."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    device_authorization_endpoint: str = ""


class Authority:
    """The metadata and signing keys of one authority; `host` is its URL, such as that of the public cloud."""

    def __init__(self, http: HttpClient, host: str) -> None:
        self._http = http
        self._host = host.rstrip("/")
        self._metadata: dict[str, tuple[float, Metadata]] = {}
        self._keys: dict[str, tuple[float, Mapping[str, SigningKey]]] = {}
        self._flights: SingleFlight[Any] = SingleFlight()

    async def metadata(self, tenant: str) -> Metadata:
        """Return the metadata of a tenant: an id, a domain, `common`, `organizations` or `consumers`."""
        known = self._metadata.get(tenant)
        if known is None or time.monotonic() - known[0] > _MAX_AGE:
            return await self._current(tenant)
        return known[1]

    async def check(self, tenant: str) -> Metadata:
        """Return the metadata as Entra ID returns it now, not the cached copy."""
        return await self._current(tenant)

    async def signing_key(self, metadata: Metadata, kid: str) -> SigningKey | None:
        """Return a published key; the keys are requested again if it is not among them."""
        uri = metadata.jwks_uri
        known = self._keys.get(uri)
        if known is None or kid not in known[1] or time.monotonic() - known[0] > _MAX_AGE:
            await self._flights.run(uri, lambda: self._fetch_keys(uri))
        return self._keys[uri][1].get(kid)

    async def post(
        self,
        url: str,
        form: Mapping[str, str | SecretStr],
        doing: str,
        *,
        repeat: bool = True,
    ) -> bytes:
        """Return the body of a response with status 200; raise the error that any other response means.

        `doing` is that of `response_error`; without `repeat` the request is sent only once.
        """
        response = await self._request("POST", url, form=form, repeat=repeat)
        if response.status != 200:
            secrets = (value for value in form.values() if isinstance(value, SecretStr))
            raise response_error(response, doing, secrets=[value.get_secret_value() for value in secrets])
        return response.body

    async def _current(self, tenant: str) -> Metadata:
        if not is_tenant(tenant):
            raise ConfigurationError(
                [f"the tenant {tenant!r} is neither an id nor a domain"],
                hint="correct AZURE_TENANT_ID, or the account's tenant_id",
            )
        metadata: Metadata = await self._flights.run(tenant, lambda: self._fetch_metadata(tenant))
        return metadata

    async def _fetch_metadata(self, tenant: str) -> Metadata:
        url = f"{self._host}/{tenant}/v2.0/.well-known/openid-configuration"
        answer = await self._get(url, "show its metadata")
        try:
            metadata = Metadata.model_validate(answer)
        except ValidationError as error:
            raise _malformed("metadata lack an endpoint or the issuer") from error
        check_issuer(metadata.issuer, host=self._host, tenant=tenant)
        for name, endpoint in metadata.model_dump(exclude={"issuer"}).items():
            if endpoint and not same_origin(endpoint, self._host):  # secrets and codes go there
                raise _malformed(f"metadata name a {name} on another host than AZURE_AUTHORITY_HOST")
        self._metadata[tenant] = (time.monotonic(), metadata)
        return metadata

    async def _fetch_keys(self, uri: str) -> None:
        answer = await self._get(uri, "show its signing keys")
        keys = answer.get("keys")
        if not isinstance(keys, list):
            raise _malformed("signing keys are not a list")
        named = {key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)}
        self._keys[uri] = (time.monotonic(), named)

    async def _get(self, url: str, doing: str) -> dict[str, Any]:
        response = await self._request("GET", url)
        if response.status != 200:
            raise response_error(response, doing)
        try:
            answer = json.loads(response.body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise _malformed("answer is not JSON")
        return answer

    async def _request(
        self, method: str, url: str, *, form: Mapping[str, str | SecretStr] | None = None, repeat: bool = True
    ) -> HttpResponse:
        """Send a request, and once more after 429 or 5xx if the requested pause is short."""
        response = await self._http.send(method, url, form=form)
        pause = response.retry_after
        pause = 1.0 if pause is None else pause
        if repeat and is_transient(response.status) and pause <= _LONGEST_PAUSE:
            await sleep(pause)
            response = await self._http.send(method, url, form=form)
        return response


def _malformed(problem: str) -> MalformedResponseError:
    return MalformedResponseError(f"Entra ID's {problem}", status=200, hint="check AZURE_AUTHORITY_HOST")
