"""OAuth 2.0 and OpenID Connect with Entra ID (entra-docs' v2-oauth2-auth-code-flow).

The validation of id tokens, which needs cryptography, is imported with the first id token.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pydantic import SecretStr

from iacs.core._oauth.claims import decode_challenge, merge_claims
from iacs.core._oauth.credential import ClientCredential
from iacs.core._oauth.device_polling import poll
from iacs.core._oauth.scopes import full_scopes, graph_resource, joined_scopes
from iacs.core._oauth.tenant import is_tenant
from iacs.core._oauth.tokens import DeviceCode, Identity, TokenSet
from iacs.core.exceptions import ConfigurationError, OperatorRequiredError
from iacs.core.http_client import HttpClient

if TYPE_CHECKING:
    from iacs.core._oauth.authority import Metadata

__all__ = ["DeviceCode", "Identity", "OAuthClient", "TokenSet", "decode_challenge", "is_tenant"]

_SHARED_TENANTS = {"common", "consumers", "organizations"}


class OAuthClient:
    """The client of one app registration; an account's own tenant takes precedence over the configured one.

    A refusal is a SignInRequiredError, OperatorRequiredError or AuthenticationError, a temporary failure an
    APIConnectionError, a missing setting a ConfigurationError.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        client_id: str,
        authority_host: str,
        tenant_id: str,
        redirect_uri: str,
        scopes: str,
        prompt: str = "",
        graph_url: str = "https://graph.microsoft.com/v1.0",
        client_secret: SecretStr | None = None,
        client_secret_expires: date | None = None,
        certificate_path: Path | None = None,
        certificate_password: SecretStr | None = None,
    ) -> None:
        from iacs.core._oauth.authority import Authority

        self.redirect_uri = redirect_uri
        self.client_id = client_id
        self._tenant_id = tenant_id
        self._scopes = scopes
        self._prompt = prompt
        self._graph_url = graph_url
        self._authority_host = authority_host
        self._authority = Authority(http, authority_host)
        self._credential = ClientCredential(
            client_id,
            secret=client_secret,
            secret_expires=client_secret_expires,
            certificate_path=certificate_path,
            certificate_password=certificate_password,
        )

    async def authorization_url(
        self,
        *,
        state: str,
        nonce: str,
        code_challenge: str,
        login_hint: str,
        tenant_id: str = "",
        claims: str = "",
        prompt: str = "",
        domain_hint: str = "",
        scopes: str = "",
    ) -> str:
        """Return the URL at which the person signs in; `code_challenge` is PKCE's S256.

        `claims` are those of a refused renewal, which the sign-in has to satisfy. `prompt` is login, none, consent or
        select_account, which is not combined with `login_hint` (default: that of the settings). `scopes` are requested
        besides those of AZURE_SCOPES.
        """
        prompt = prompt or self._prompt
        metadata = await self._metadata(tenant_id)
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "response_mode": "query",
            "redirect_uri": self.redirect_uri,
            "scope": joined_scopes(self._scopes, scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "login_hint": "" if prompt == "select_account" else login_hint,
            "domain_hint": domain_hint,
            "prompt": prompt,
            "claims": merge_claims(claims),
        }
        query = {name: value for name, value in query.items() if value}
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    def admin_consent_url(self, *, tenant_id: str = "", scopes: str = "", state: str = "") -> str:
        """Return the URL at which an administrator consents for everybody in a tenant (entra-docs' v2-admin-consent).

        `scopes` are permissions of Microsoft Graph (default: all that the app registration lists, those of the
        application itself too). Raises ConfigurationError for personal accounts, which have no administrator.
        """
        self._check_settings()
        tenant = tenant_id or self._tenant_id
        if tenant == "consumers":
            raise ConfigurationError(
                ["personal accounts have no administrator who could consent"], hint="each person consents"
            )
        query = {
            "client_id": self.client_id,
            "scope": full_scopes(joined_scopes("", scopes), self._graph_url)
            or f"{graph_resource(self._graph_url)}/.default",
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        query = {name: value for name, value in query.items() if value}
        path = "organizations" if tenant == "common" else tenant
        return f"{self._authority_host.rstrip('/')}/{path}/v2.0/adminconsent?{urlencode(query)}"

    async def exchange_code(
        self,
        code: SecretStr,
        *,
        code_verifier: SecretStr,
        redirect_uri: str,
        tenant_id: str = "",
        claims: str = "",
        scopes: str = "",
    ) -> TokenSet:
        """Redeem the code of a sign-in; a code works once, so the request is never repeated."""
        fields: dict[str, str | SecretStr] = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": code_verifier,
            "redirect_uri": redirect_uri,
            "scope": joined_scopes(self._scopes, scopes),
            "claims": merge_claims(claims),
        }
        return await self._token(fields, "redeem the code of a sign-in", tenant_id, repeat=False)

    async def refresh(
        self, refresh_token: SecretStr, *, tenant_id: str = "", claims: str = "", scopes: str = ""
    ) -> TokenSet:
        """Get new tokens without the person; `claims` is the challenge of Microsoft Graph, if any.

        `scopes` are those that the sign-in requested besides AZURE_SCOPES. The scopes name their resource: without one they would be those of the tenant's default resource.
        """
        fields: dict[str, str | SecretStr] = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "scope": full_scopes(joined_scopes(self._scopes, scopes), self._graph_url),
            "claims": merge_claims(claims),
        }
        return await self._token(fields, "renew the tokens", tenant_id)

    async def client_credentials(self, scope: str = "", *, tenant_id: str, claims: str = "") -> TokenSet:
        """Get a token for the application itself; `scope` is `{resource}/.default` (default: Microsoft Graph's)."""
        if self._credential.public:
            raise ConfigurationError(
                ["an application that acts for itself needs a client secret or a certificate"],
                hint="set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH",
            )
        if (tenant_id or self._tenant_id) in _SHARED_TENANTS:
            raise ConfigurationError(
                ["an application that acts for itself needs one tenant"],
                hint="set AZURE_TENANT_ID to the tenant's id",
            )
        fields = {
            "grant_type": "client_credentials",
            "scope": scope or f"{graph_resource(self._graph_url)}/.default",
            "claims": merge_claims(claims),
        }
        return await self._token(fields, "give the application a token", tenant_id)

    async def begin_device_code(
        self, *, tenant_id: str = "", claims: str = "", scopes: str = ""
    ) -> DeviceCode:
        """Begin a sign-in that the person completes in a browser on any device."""
        metadata = await self._metadata(tenant_id)
        if not metadata.device_authorization_endpoint:
            raise OperatorRequiredError(
                "this authority offers no sign-in by device code", hint="use the browser instead"
            )
        fields = {
            "client_id": self.client_id,
            "scope": joined_scopes(self._scopes, scopes),
            "claims": merge_claims(claims),
        }
        answer = await self._authority.post(
            metadata.device_authorization_endpoint, fields, "begin a sign-in by device code"
        )
        return DeviceCode.from_json(answer).model_copy(update={"tenant_id": tenant_id, "scopes": scopes})

    async def poll_device_code(self, device: DeviceCode) -> TokenSet:
        """Wait until the person has entered the code, declined, or let it expire (RFC 8628, 3.5)."""
        fields: dict[str, str | SecretStr] = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": device.device_code,
        }
        doing = "complete the sign-in by device code"
        return await poll(device, lambda: self._token(fields, doing, device.tenant_id, repeat=False))

    async def identity(self, id_token: SecretStr, *, nonce: str | None, tenant_id: str = "") -> Identity:
        """Return the person that a valid id token identifies; InvalidIdTokenError says which check failed."""
        from iacs.core._oauth import id_token as id_tokens

        metadata = await self._metadata(tenant_id)
        key = await self._authority.signing_key(metadata, id_tokens.key_id(id_token))
        return id_tokens.validate(
            id_token, key=key, issuer=metadata.issuer, client_id=self.client_id, nonce=nonce
        )

    async def probe(self) -> Mapping[str, str]:
        """Return the issuer of the configured tenant, from metadata that are requested now.

        Raises ConfigurationError, APIConnectionError, OperatorRequiredError for a tenant that is unknown, and
        DegradedError from 30 days before the certificate or the secret expires.
        """
        self._check_settings()
        issuer = (await self._authority.check(self._tenant_id)).issuer
        self._credential.check_expiry()
        return {"issuer": issuer}

    async def _metadata(self, tenant_id: str) -> "Metadata":
        self._check_settings()
        return await self._authority.metadata(tenant_id or self._tenant_id)

    def _check_settings(self) -> None:
        needed = {
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_TENANT_ID": self._tenant_id,
            "AZURE_AUTHORITY_HOST": self._authority_host,
            "AZURE_REDIRECT_URI": self.redirect_uri,
            "AZURE_SCOPES": self._scopes,
        }
        missing = [name for name, value in needed.items() if not value.strip()]
        if missing:
            raise ConfigurationError(
                [f"{name} is not set" for name in missing], hint="set it in the environment or in .env"
            )

    async def _token(
        self, fields: Mapping[str, str | SecretStr], doing: str, tenant_id: str, *, repeat: bool = True
    ) -> TokenSet:
        metadata = await self._metadata(tenant_id)
        form = {**fields, **self._credential.form(metadata.token_endpoint)}
        answer = await self._authority.post(metadata.token_endpoint, form, doing, repeat=repeat)
        return TokenSet.from_json(answer)
