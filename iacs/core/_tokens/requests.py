"""What is requested of Entra ID to renew stored tokens."""

from pydantic import SecretStr

from iacs.core._tokens.store import StoredToken
from iacs.core.exceptions import InvalidIdTokenError, OperatorRequiredError, SignInRequiredError
from iacs.core.oauth_client import OAuthClient, TokenSet


class TokenRequests:
    """The requests for new tokens, for a person or for the application itself."""

    def __init__(self, oauth_client: OAuthClient) -> None:
        self._oauth_client = oauth_client

    async def new_tokens(self, stored: StoredToken, *, tenant_id: str | None, claims: str) -> TokenSet:
        """Return new tokens with a refresh token, also where Entra ID leaves the stored one valid.

        `tenant_id` is the account's, `claims` the challenge of Microsoft Graph, if any. Raises the errors of
        OAuthClient, SignInRequiredError without a refresh token, and InvalidIdTokenError for tokens of somebody else.
        """
        if stored.is_application:
            return await self._of_application(tenant_id or "", claims)
        if stored.refresh_token is None:
            raise SignInRequiredError(
                "there is no refresh token", error="login_required", hint="add offline_access to AZURE_SCOPES"
            )
        tenant = _tenant(stored, tenant_id)
        tokens = await self._oauth_client.refresh(
            stored.refresh_token, tenant_id=tenant, claims=claims, scopes=stored.scopes
        )
        if tokens.id_token is not None:
            await self._check_person(stored, tokens.id_token, tenant)
        if tokens.refresh_token is None:
            return tokens.model_copy(update={"refresh_token": stored.refresh_token})
        return tokens

    async def _of_application(self, tenant_id: str, claims: str) -> TokenSet:
        """Request a token for the application itself, for which nobody can sign in."""
        try:
            tokens = await self._oauth_client.client_credentials(tenant_id=tenant_id, claims=claims)
        except SignInRequiredError as error:
            raise OperatorRequiredError(
                str(error),
                hint="no person can sign in for the application: the tenant's administrator must lift the refusal",
                **error.details(),
            ) from error
        return tokens.model_copy(update={"refresh_token": None})

    async def _check_person(self, stored: StoredToken, id_token: SecretStr, tenant: str) -> None:
        """Refuse tokens of somebody else (OpenID Connect Core 1.0, 12.2)."""
        renewed = await self._oauth_client.identity(id_token, nonce=None, tenant_id=tenant)
        person = stored.person
        if person is None:
            return
        same = (renewed.object_id, renewed.directory_id) == (person.object_id, person.directory_id)
        if not same or (person.subject and renewed.subject != person.subject):
            raise InvalidIdTokenError(
                "Entra ID renewed the tokens with the id token of another person than the one who signed in",
                hint="try again later, or sign in again",
            )


def _tenant(stored: StoredToken, tenant_id: str | None) -> str:
    """Return the tenant that signed the person in, or the account's if that was changed afterwards."""
    if tenant_id is not None and tenant_id != stored.tenant_id:
        return tenant_id
    return stored.person.directory_id if stored.person else stored.tenant_id
