"""The directories (tenants) of the cloud: their people, identifiers and mailboxes."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from iacs.sandbox.mail.mailbox import Mailbox

PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of Microsoft's personal accounts."""
_NAMESPACE = uuid.UUID("5b0a7d5e-3f5c-5e0b-9d5a-0c1a52a1f0d7")


def stable_id(*parts: str) -> str:
    """Return a GUID that depends only on the parts, so that it is the same in every process."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(parts)))


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user of a tenant; a guest is another user, with an object id of their own and without a mailbox."""

    address: str
    object_id: str
    tenant_id: str
    mailbox: Mailbox
    sign_in_name: str = ""
    """The user principal name, if it is not the address."""
    aliases: tuple[str, ...] = ()
    """Further addresses of the mailbox."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Claims that replace those of the id token; `...` leaves one out."""
    is_guest: bool = False

    @property
    def username(self) -> str:
        """The name that the person signs in with."""
        return self.sign_in_name or self.address

    @property
    def is_personal(self) -> bool:
        """Whether this is a personal account, which belongs to no organization."""
        return self.tenant_id == PERSONAL

    @property
    def name(self) -> str:
        """A display name, derived from the address."""
        local = self.address.partition("@")[0]
        return " ".join(word.capitalize() for word in local.replace("_", ".").split(".") if word)


class Directory:
    """The people of all tenants; `tenant_id` is the one in which the application is registered."""

    def __init__(self, tenant_id: str, mailboxes: Iterable[Mailbox] = ()) -> None:
        self.tenant_id = tenant_id
        self.domains = {"consumers": PERSONAL}
        """Names of tenants, in lower case, with their ids."""
        self.people: tuple[Person, ...] = ()
        for mailbox in mailboxes:
            self.add(mailbox, tenant_id)

    def add(self, mailbox: Mailbox, tenant_id: str) -> Person:
        """Add the owner of a mailbox to a tenant; the domain of the address then names it, unless it names another."""
        address = mailbox.address
        person = Person(
            address=address, object_id=_object_id(tenant_id, address), tenant_id=tenant_id, mailbox=mailbox
        )
        self.people += (person,)
        if not person.is_personal:
            self.domains.setdefault(address.rpartition("@")[2].lower(), tenant_id)
        return person

    def invite(self, person: Person, tenant_id: str) -> None:
        """Add a guest to a tenant."""
        local, _, domain = person.address.partition("@")
        host = next((name for name, owner in self.domains.items() if owner == tenant_id), tenant_id)
        self.people += (
            replace(
                person,
                object_id=_object_id(tenant_id, person.address, "guest"),
                tenant_id=tenant_id,
                mailbox=Mailbox(person.address),
                sign_in_name=f"{local}_{domain}#EXT#@{host}",
                aliases=(),
                claims={"preferred_username": person.username},
                is_guest=True,
            ),
        )

    def find(self, key: str, tenant_id: str = "") -> Person | None:
        """Return the person with this address, sign-in name, alias or object id, of a tenant or of any.

        Members come before guests, and addresses before the other names; case is ignored.
        """
        known = [person for person in self.people if tenant_id in ("", person.tenant_id)]
        by_address = [person for person in known if person.address.lower() == key.lower()]
        matches = by_address or [person for person in known if key.lower() in _names(person)]
        return min(matches, key=lambda person: person.is_guest, default=None)

    def person(self, key: str) -> Person:
        """Return the person with this address or object id; raise KeyError if nobody has it."""
        person = self.find(key)
        if person is None:
            known = ", ".join(person.address.lower() for person in self.people)
            raise KeyError(f"no mailbox for {key}; there are: {known}")
        return person

    def change(self, address: str, /, **fields: Any) -> Person:
        """Change a person; codes and tokens issued before are those of the person as it was."""
        old = self.person(address)
        new = replace(old, **fields)
        self.people = tuple(new if person is old else person for person in self.people)
        return new

    def create_again(self, address: str, tenant_id: str = "") -> None:
        """Give a person a new object id, in the same tenant or in another one."""
        old = self.person(address)
        self.change(
            address, object_id=_object_id(old.object_id, "again"), tenant_id=tenant_id or old.tenant_id
        )

    def resolve(self, tenant: str) -> str | None:
        """Return the id of the tenant that the path of an authority names; "" for common and organizations."""
        name = tenant.lower()
        if name in {"common", "organizations"}:
            return ""
        known = {self.tenant_id, *self.domains.values()}
        return name if name in known else self.domains.get(name)


def _object_id(*parts: str) -> str:
    return stable_id("user", *parts)


def _names(person: Person) -> set[str]:
    return {name.lower() for name in (person.object_id, person.username, *person.aliases)}
