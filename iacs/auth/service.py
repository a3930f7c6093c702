"""Sign-in, in a browser or with a code on another device, and sign-out."""

import re
import secrets

from pydantic import SecretStr

from iacs.auth import repository
from iacs.auth.collaborators import Account, Accounts
from iacs.auth.directory import Directory
from iacs.auth.person import check_person, require_person
from iacs.auth.schema import AuthorizationCallback, AuthorizationRequest, DeviceSignIn, SignedIn
from iacs.auth.session import AuthSession, hash_secret
from iacs.core import clock
from iacs.core.database import Database
from iacs.core.encryption import DataKey, Encryption
from iacs.core.exceptions import AccountError, AuthenticationError, MalformedResponseError, SignInExpiredError
from iacs.core.logger import Logger
from iacs.core.oauth_client import OAuthClient, TokenSet
from iacs.core.token_service import TokenService

_NOT_RENEWABLE = (
    "Entra ID sent no refresh token, so the sign-in lasts about an hour; add offline_access to AZURE_SCOPES and sign"
    " in again"
)


class AuthService:
    """The service that signs people in and out; any process may complete a sign-in that another one began."""

    def __init__(
        self,
        database: Database,
        oauth_client: OAuthClient,
        token_service: TokenService,
        encryption: Encryption,
        accounts: Accounts,
        directory: Directory,
        *,
        schema: type[SignedIn] = SignedIn,
        logger: Logger,
    ) -> None:
        self._database = database
        self._oauth_client = oauth_client
        self._token_service = token_service
        self._encryption = encryption
        self._accounts = accounts
        self._directory = directory
        self._schema = schema
        self._logger = logger

    async def begin(
        self, email: str, *, prompt: str = "", domain_hint: str = "", scopes: str = ""
    ) -> AuthorizationRequest:
        """Begin a sign-in, which has to be completed within 15 minutes.

        It satisfies the claims for which the last renewal was refused. `prompt` is login, none, consent or
        select_account; `domain_hint` is a domain whose sign-in page is shown at once. `scopes` are requested besides
        those of AZURE_SCOPES, and at each renewal until the next sign-in.
        """
        account = require_person(await self._accounts.get_enabled(email))
        session = AuthSession.new(
            account.email,
            self._oauth_client.redirect_uri,
            tenant_id=account.tenant_id,
            claims=await self._token_service.claims(account.id),
            scopes=scopes,
        )
        state = secrets.token_urlsafe(32)
        url = await self._oauth_client.authorization_url(
            state=state,
            nonce=session.nonce,
            code_challenge=session.challenge,
            login_hint=account.username or account.email,
            tenant_id=session.tenant_id,
            claims=session.claims,
            prompt=prompt,
            domain_hint=domain_hint,
            scopes=scopes,
        )
        row = await session.row(state, account.id, self._encryption)
        await self._database.run(repository.add, row)
        return AuthorizationRequest(
            url=url,
            state=SecretStr(state),
            redirect_uri=session.redirect_uri,
            expires_at=session.expires_at,
        )

    async def complete(self, callback: AuthorizationCallback) -> SignedIn:
        """Complete the sign-in that a callback belongs to; it can be completed once.

        Raises SignInExpiredError, WrongPersonError, or another AuthenticationError if Entra ID refused.
        """
        session, data_key = await self._take(callback)
        if callback.error:
            await self._record_refusal(session.account, callback.error)
            from iacs.core._oauth.errors import Problem, problem_error  # needed here alone

            problem = Problem.of_redirect(callback.error, callback.error_description)
            raise problem_error(problem, f"sign {session.account} in")
        if not callback.code:
            raise AuthenticationError(
                f"the callback for {session.account} has neither a code nor an error",
                hint=_again(session.account),
            )
        account = await self._accounts.get_enabled(session.account)
        tokens = await self._oauth_client.exchange_code(
            callback.code,
            code_verifier=SecretStr(session.verifier),
            redirect_uri=session.redirect_uri,
            tenant_id=session.tenant_id,
            claims=session.claims,
            scopes=session.scopes,
        )
        return await self._accept(
            account,
            tokens,
            data_key,
            nonce=session.nonce,
            tenant_id=session.tenant_id,
            scopes=session.scopes,
        )

    async def begin_device(self, email: str, *, scopes: str = "") -> DeviceSignIn:
        """Begin a sign-in that the person completes on any device with a browser; `scopes` are those of `begin`."""
        account = require_person(await self._accounts.get_enabled(email))
        device = await self._oauth_client.begin_device_code(
            tenant_id=account.tenant_id, claims=await self._token_service.claims(account.id), scopes=scopes
        )
        return DeviceSignIn(
            account=account.email,
            user_code=device.user_code,
            verification_uri=device.verification_uri,
            message=device.message,
            expires_in=device.expires_in,
            device=device,
        )

    async def complete_device(self, sign_in: DeviceSignIn) -> SignedIn:
        """Wait until the person has entered the code; raises the errors of `complete`."""
        account = await self._accounts.get_enabled(sign_in.account)
        data_key = await self._token_service.new_data_key(account.id)
        tokens = await self._oauth_client.poll_device_code(sign_in.device)
        device = sign_in.device
        return await self._accept(
            account, tokens, data_key, nonce=None, tenant_id=device.tenant_id, scopes=device.scopes
        )

    async def sign_out(self, email: str) -> None:
        """Delete an account's tokens and its unfinished sign-ins; Entra ID has no endpoint that revokes a token."""
        account = await self._accounts.get(email)
        await self._database.run(repository.forget, account.id)
        await self._token_service.delete(account.id)
        await self._accounts.signed_out(account.id)
        self._logger.info("signed out", account=account.email)

    async def _record_refusal(self, email: str, error: str) -> None:
        """Record a sign-in that Entra ID refused; anybody can write anything into the `error` of a callback."""
        reason = error if re.fullmatch(r"[a-z_]{1,40}", error) else "refused"
        await self._accounts.sign_in_refused((await self._accounts.get(email)).id, reason=reason)

    async def _take(self, callback: AuthorizationCallback) -> tuple[AuthSession, DataKey]:
        """Take the sign-in of a callback, and a key for its tokens; without a key service, neither is lost."""
        hashed = hash_secret(callback.state.get_secret_value())
        row = await self._database.read(repository.read, hashed)
        if row is None:
            raise _unknown()
        session = await AuthSession.from_row(row, self._encryption)
        data_key = await self._token_service.new_data_key(row["account_id"])
        if await self._database.run(repository.take, hashed) is None:
            raise _unknown()
        if session.expires_at <= clock.now():
            raise SignInExpiredError(
                f"the sign-in of {session.account} took too long", hint=_again(session.account)
            )
        return session, data_key

    async def _accept(
        self,
        account: Account,
        tokens: TokenSet,
        data_key: DataKey,
        *,
        nonce: str | None,
        tenant_id: str,
        scopes: str,
    ) -> SignedIn:
        if tokens.id_token is None:
            raise MalformedResponseError(
                "Entra ID sent no id token", hint="include openid and profile in AZURE_SCOPES"
            )
        identity = await self._oauth_client.identity(tokens.id_token, nonce=nonce, tenant_id=tenant_id)
        try:
            await check_person(
                account,
                identity,
                lambda: self._directory.addresses(tokens.access_token, object_id=identity.object_id),
            )
        except AuthenticationError:
            person = {"object_id": identity.object_id, "directory_id": identity.directory_id}
            await self._accounts.sign_in_refused(account.id, reason="another_person", **person)
            raise
        account = await self._accounts.follow(
            account.id, object_id=identity.object_id, directory_id=identity.directory_id
        )
        await self._token_service.store(
            account.id, tokens, tenant_id=account.tenant_id, person=identity, data_key=data_key, scopes=scopes
        )
        try:
            await self._accounts.signed_in(
                account.id, object_id=identity.object_id, directory_id=identity.directory_id
            )
        except AccountError:  # it was disabled in the meantime
            await self._token_service.delete(account.id)
            raise
        warning = _NOT_RENEWABLE if tokens.refresh_token is None else ""
        self._logger.info("signed in", account=account.email)
        if warning:
            self._logger.warning(warning, account=account.email)
        return self._schema(
            account=account.email, name=identity.name, username=identity.username, warning=warning
        )


def _unknown() -> SignInExpiredError:
    return SignInExpiredError(
        "the sign-in is unknown: it was completed already, has expired, or began in another database",
        hint=_again("EMAIL"),
    )


def _again(account: str) -> str:
    return f"start again with: iacs auth login {account}"
