"""What an administrator can do to the people and the application while the cloud runs."""

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from iacs.sandbox.cloud import Audience, Cloud, Secret
from iacs.sandbox.directory import PERSONAL, stable_id
from iacs.sandbox.entra.consents import Consents, permissions
from iacs.sandbox.entra.grants import issue_tokens
from iacs.sandbox.entra.refusals import RefusalCode, find_refusal
from iacs.sandbox.entra.token_issuer import Grant
from iacs.sandbox.mail.mailbox import Mailbox


class Administration:
    """The changes to a cloud that tests make; a person is named by their address."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def register_certificate(self, pem: bytes) -> None:
        """Accept assertions signed with the key of this certificate; from now on they are verified."""
        self._cloud.registration.certificates.append(pem)

    def add_secret(self, *, expires: datetime) -> str:
        """Add a client secret, which becomes `client_secret`; the others stay valid."""
        value = f"{secrets.token_urlsafe(30)}~not-for-production"
        self._cloud.registration.secrets.append(Secret(value, time.time(), expires.timestamp()))
        return value

    def expire_secret(self, *, at: datetime | None = None) -> None:
        """Set when the newest client secret expires; without a time it has expired (7000222)."""
        self._cloud.registration.secrets[-1].expires_at = at.timestamp() if at else time.time()

    def grant_full_access(self, mailbox: str, to: str) -> None:
        """Let a person open the mailbox of another one, as an administrator of Exchange does."""
        people = [self._cloud.directory.person(address) for address in (mailbox, to)]
        self._cloud.permissions.full_access.add((people[0].address.lower(), people[1].address.lower()))

    def revoke_full_access(self, mailbox: str, of: str) -> None:
        """Take the access to another person's mailbox from a person again."""
        self._cloud.permissions.full_access.discard((mailbox.lower(), of.lower()))

    def limit_application(self, *mailboxes: str) -> None:
        """Let the application open these mailboxes alone with its own token, by an application access policy."""
        people = [self._cloud.directory.person(address) for address in mailboxes]
        self._cloud.permissions.application_policy = frozenset(person.address.lower() for person in people)

    def refuse(self, address: str, code: RefusalCode, *, claims: str = "") -> None:
        """Refuse a person's renewals with an AADSTS number (or "bad_token"), as Entra ID does for one account.

        A policy such as 53003 or 50057 refuses sign-ins too, until `allow`. A demand such as 50076 ends with a
        sign-in that satisfies `claims`, which are JSON. 700082, 50173 and the like refuse the refresh tokens
        issued so far for good. Raises ValueError for any other code.
        """
        person, refusal = self._cloud.directory.person(address), find_refusal(code, claims)
        if refusal.ends_tokens:
            self._cloud.issuer.end_refresh_tokens(person, refusal)
        else:
            self._cloud.refusals[person.object_id] = refusal

    def allow(self, address: str) -> None:
        """Lift the refusal of a person, as an administrator who changes a policy does."""
        self._cloud.refusals.pop(self.object_id(address), None)

    def require_consent(self, *, administrator_only: Sequence[str] = ()) -> None:
        """Forget every consent, and demand it from now on; a person cannot give that to `administrator_only`."""
        self._cloud.consents = Consents()
        self._cloud.consents.required = True
        self._cloud.consents.administrator_only = permissions(administrator_only)

    def consent(self, address: str, scopes: str) -> None:
        """Consent to scopes as the person does on the page that a sign-in shows."""
        self._cloud.consents.add(self.object_id(address), scopes.split())

    def consent_for_all(self, scopes: str, *, tenant_id: str = "") -> None:
        """Consent to scopes for everybody in a tenant and for the application itself, as an administrator does."""
        self._cloud.consents.add_for_all(tenant_id or self._cloud.directory.tenant_id, scopes.split())

    def add_tenant(self, domain: str, *addresses: str) -> str:
        """Add a directory with people who have empty mailboxes, and return its id.

        An address may exist in several directories, as its owner proves nothing to another one.
        """
        tenant_id = self._cloud.directory.domains.setdefault(
            domain.lower(), stable_id("tenant", domain.lower())
        )
        for address in addresses:
            self._cloud.directory.add(Mailbox(address), tenant_id)
        return tenant_id

    def add_personal_account(self, address: str) -> None:
        """Add a personal account with an empty mailbox, which belongs to no organization."""
        self._cloud.directory.add(Mailbox(address), PERSONAL)

    def invite(self, address: str, tenant_id: str) -> None:
        """Add a person as a guest to another tenant, where they have no mailbox."""
        self._cloud.directory.invite(self._cloud.directory.person(address), tenant_id)

    def limit_audience(self, audience: Audience) -> None:
        """Choose who may use the application; at first everybody, which is the last audience."""
        self._cloud.registration.audience = audience

    def change_username(self, address: str, username: str) -> None:
        """Give a person a sign-in name that is not their address."""
        self._cloud.directory.change(address, sign_in_name=username)

    def change_address(self, address: str, new: str) -> None:
        """Give a person another address; the earlier one stays as an alias, and the object id is the same."""
        person = self._cloud.directory.person(address)
        self._cloud.directory.change(address, address=new, aliases=(*person.aliases, address))

    def add_alias(self, address: str, alias: str) -> None:
        """Give the mailbox of a person a further address."""
        person = self._cloud.directory.person(address)
        self._cloud.directory.change(address, aliases=(*person.aliases, alias))

    def change_claims(self, address: str, claims: Mapping[str, object]) -> None:
        """Replace claims in the id tokens of a person; `...` leaves a claim out."""
        self._cloud.directory.change(address, claims=dict(claims))

    def create_again(self, address: str, *, tenant_id: str = "") -> None:
        """Delete a person and create them again, in the same tenant or another one, with a new object id.

        The mailbox is the same.
        """
        person = self._cloud.directory.person(address)
        self._cloud.issuer.revoke(person)
        self._cloud.directory.create_again(address, tenant_id)

    def object_id(self, address: str) -> str:
        """Return the id of a person, which is the `oid` claim of their tokens."""
        return self._cloud.directory.person(address).object_id

    def sign_in(self, address: str, *, scopes: str) -> dict[str, Any]:
        """Return what the token endpoint responds when a person has signed in, without the id token."""
        self.consent(address, scopes)
        person = self._cloud.directory.person(address)
        grant = Grant(person, tuple(scopes.split()), person.tenant_id)
        return issue_tokens(self._cloud, grant, scopes=grant.scopes, refreshable=True)

    def revoke(self, address: str) -> None:
        """End every sign-in of a person, as an administrator can."""
        self._cloud.issuer.revoke(self._cloud.directory.person(address))

    def expire_access_tokens(self) -> None:
        """Expire every access token issued so far."""
        self._cloud.issuer.expire_access_tokens()
