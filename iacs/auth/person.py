"""Who may sign in to an account: the person who did so before, or whom the directory or the enrolment names."""

from collections.abc import Awaitable, Callable

from iacs.auth.collaborators import Account
from iacs.core.exceptions import AccountError, WrongPersonError
from iacs.core.oauth_client import Identity

Addresses = Callable[[], Awaitable[frozenset[str]]]


def require_person(account: Account) -> Account:
    """Return the account; raise AccountError if it is opened by another account or by the application."""
    if account.access == "shared":
        raise AccountError(
            f"{account.email} is a shared mailbox, which {account.via} opens",
            hint=f"sign in with: iacs auth login {account.via}",
        )
    if account.access == "application":
        raise AccountError(
            f"{account.email} is opened by the application itself, so nobody signs in",
            hint="an administrator grants the application permission Mail.Read in the app registration",
        )
    return account


async def check_person(account: Account, identity: Identity, addresses: Addresses) -> None:
    """Raise WrongPersonError for anybody else; `addresses` returns those that the person's directory lists.

    An address may be given to somebody else, so it counts for the first sign-in only. Any directory can list any
    address: only the word of the account's tenant counts, or of the configured one (the "nOAuth" mistake). A sign-in
    name is different, since its domain belongs to the directory.
    """
    if account.object_id and account.directory_id and not _has_moved(account, identity):
        if (identity.object_id, identity.directory_id) != (account.object_id, account.directory_id):
            raise await _another_person(account, identity, addresses)
        return
    if account.username:
        if identity.username.lower() != account.username:
            raise _unexpected_name(account, identity)
    elif not await _has_address(account, identity, addresses):
        raise await _unconfirmed(account, identity, addresses)


def _has_moved(account: Account, identity: Identity) -> bool:
    """Return whether the enrolment names the tenant of this sign-in, and the earlier one was at another tenant."""
    return bool(account.tenant_id) and identity.own_tenant and identity.directory_id != account.directory_id


async def _has_address(account: Account, identity: Identity, addresses: Addresses) -> bool:
    if identity.username.lower() == account.email:
        return True
    if not identity.own_tenant:
        return False
    return identity.email.lower() == account.email or account.email in await addresses()


async def _another_person(account: Account, identity: Identity, addresses: Addresses) -> WrongPersonError:
    who = _name(identity)
    if not await _has_address(account, identity, addresses):
        return _wrong_person(
            account,
            identity,
            f"{who} signed in, not the owner of {account.email}",
            hint=f"{_sign_in_as(account)}; if this is the account's new owner: iacs account relink {account.email}",
        )
    return _wrong_person(
        account,
        identity,
        f"{who} signed in with the address {account.email}, but is not the person who signed in before: the object id"
        f" is {identity.object_id} in the directory {identity.directory_id}, and was {account.object_id} in"
        f" {account.directory_id}; the new person is accepted after: iacs account relink {account.email}",
        hint="do that if the person was created again or moved to another tenant, not if the address was reassigned",
    )


async def _unconfirmed(account: Account, identity: Identity, addresses: Addresses) -> WrongPersonError:
    who = _name(identity)
    if not identity.own_tenant:
        return _wrong_person(
            account,
            identity,
            f"{who} signed in, not the owner of {account.email}: the sign-in name is another one, and a directory that"
            f" neither the enrolment nor AZURE_TENANT_ID names cannot confirm the address",
            hint=f"{_sign_in_as(account)}; if this is the owner, enrol the account with"
            f" tenant_id: {identity.directory_id}",
        )
    listed = ", ".join(sorted(await addresses())) or "no address"
    return _wrong_person(
        account,
        identity,
        f"{who} signed in, not the owner of {account.email}: the directory lists {listed} for this person",
        hint=f"{_sign_in_as(account)}; if this is the owner, enrol the account with"
        f" username: {identity.username or 'the sign-in name'}",
    )


def _unexpected_name(account: Account, identity: Identity) -> WrongPersonError:
    return _wrong_person(
        account,
        identity,
        f"{_name(identity)} signed in, not {account.username}, the sign-in name that {account.email} is enrolled with",
        hint=f"{_sign_in_as(account)}; or correct username in the enrolment",
    )


def _wrong_person(account: Account, identity: Identity, message: str, *, hint: str) -> WrongPersonError:
    expected = account.username or account.email
    return WrongPersonError(message, signed_in=_name(identity), expected=expected, hint=hint)


def _sign_in_as(account: Account) -> str:
    return (
        f"sign out of Microsoft in the browser, then sign in as {account.username or account.email}:"
        f" iacs auth login {account.email}"
    )


def _name(identity: Identity) -> str:
    """Return the sign-in name; an id token may lack it (the claim preferred_username)."""
    return identity.username or f"a person without a sign-in name (object id {identity.object_id})"
