"""The tenant: its people, their identifiers and mailboxes."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from iacs.sandbox.mail.mailbox import Mailbox

_NAMESPACE = uuid.UUID("5b0a7d5e-3f5c-5e0b-9d5a-0c1a52a1f0d7")


def stable_id(*parts: str) -> str:
    """Return a GUID that depends only on the parts, so that it is the same in every process."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(parts)))


@dataclass(frozen=True)
class Person:
    """A user of the tenant."""

    address: str
    mailbox: Mailbox
    sign_in_name: str = ""
    """The user principal name, if it is not the address."""
    creation: int = 0
    """The number of times that the person was deleted and created again."""

    @property
    def username(self) -> str:
        """The name that the person signs in with."""
        return self.sign_in_name or self.address

    @property
    def object_id(self) -> str:
        """The `oid` claim, the same after a restart."""
        return stable_id("user", self.address, *(["again"] * self.creation))

    @property
    def name(self) -> str:
        """A display name, derived from the address."""
        local = self.address.partition("@")[0]
        return " ".join(word.capitalize() for word in local.replace("_", ".").split(".") if word)


class Directory:
    """The people of a tenant, by address (ignoring case) or object id."""

    def __init__(self, tenant_id: str, mailboxes: Iterable[Mailbox] = ()) -> None:
        self.tenant_id = tenant_id
        self._people: dict[str, Person] = {}
        for mailbox in mailboxes:
            self._people[mailbox.address.lower()] = Person(mailbox.address, mailbox)

    @property
    def people(self) -> tuple[Person, ...]:
        """All people, in the order given at the start."""
        return tuple(self._people.values())

    def find(self, key: str) -> Person | None:
        """Return the person with this address, sign-in name or object id."""
        return self._people.get(key.lower()) or next(
            (person for person in self.people if key.lower() in (person.object_id, person.username.lower())),
            None,
        )

    def change(self, address: str, **fields: str | int) -> None:
        """Change a person; codes and tokens issued before are those of the person as it was."""
        self._people[address.lower()] = replace(self.person(address), **fields)  # type: ignore[arg-type]

    def person(self, key: str) -> Person:
        """Return the person with this address or object id; raise KeyError if nobody has it."""
        person = self.find(key)
        if person is None:
            raise KeyError(f"no mailbox for {key}; there are: {', '.join(self._people)}")
        return person

    def is_own_tenant(self, tenant: str) -> bool:
        """Return whether the path segment of an authority denotes this tenant."""
        domains = {person.address.rpartition("@")[2].lower() for person in self.people}
        return tenant.lower() in {self.tenant_id, "common", "organizations", *domains}
