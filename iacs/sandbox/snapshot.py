"""A cloud as JSON and back: people, mail with its history, grants, and what an administrator has set.

Faults, recorded requests and pending sign-ins on devices are left out.
"""

import base64
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from iacs.sandbox.cloud import Cloud, Permissions, Registration, Secret
from iacs.sandbox.directory import Directory, Person
from iacs.sandbox.entra.consents import Consents
from iacs.sandbox.entra.refusals import Refusal
from iacs.sandbox.entra.token_issuer import Grant, Issued, TokenIssuer
from iacs.sandbox.mail.mailbox import Entry, Mailbox


class People:
    """People and mailboxes by number: a grant refers to its person as they were when it was issued."""

    def __init__(self) -> None:
        self.mailboxes: list[Mailbox] = []
        self.rows: list[dict[str, Any]] = []
        self._known: list[Person] = []

    def number(self, person: Person) -> int:
        """Return the number of a person, who is added if new."""
        if person not in self._known:
            if person.mailbox not in self.mailboxes:
                self.mailboxes.append(person.mailbox)
            self._known.append(person)
            self.rows.append(_person_row(person, self.mailboxes.index(person.mailbox)))
        return self._known.index(person)


def _person_row(person: Person, mailbox: int) -> dict[str, Any]:
    claims = {name: value for name, value in person.claims.items() if value is not ...}
    row = {
        name: getattr(person, name)
        for name in ("address", "object_id", "tenant_id", "sign_in_name", "aliases", "is_guest")
    }
    return row | {
        "mailbox": mailbox,
        "claims": claims,
        "without_claims": [*(set(person.claims) - set(claims))],
    }


def dump(cloud: Cloud) -> tuple[dict[str, Any], Sequence[Mailbox]]:
    """Return everything but the mail as JSON values, and the mailboxes."""
    people, registration, consents = People(), cloud.registration, cloud.consents
    document = {
        "directory": {
            "tenant_id": cloud.directory.tenant_id,
            "domains": cloud.directory.domains,
            "people": [people.number(person) for person in cloud.directory.people],
        },
        "registration": asdict(registration)
        | {"certificates": [pem.decode() for pem in registration.certificates]},
        "permissions": {
            "full_access": sorted(cloud.permissions.full_access),
            "application_policy": _listed(cloud.permissions.application_policy),
        },
        "consents": {
            "required": consents.required,
            "administrator_only": sorted(consents.administrator_only),
            "people": {owner: sorted(given) for owner, given in consents.people.items()},
            "directories": {tenant: sorted(given) for tenant, given in consents.directories.items()},
        },
        "refusals": {owner: asdict(refusal) for owner, refusal in cloud.refusals.items()},
        "issuer": _dump_issuer(cloud.issuer, people),
    }
    return document | {"people": people.rows}, people.mailboxes


def _listed(addresses: frozenset[str] | None) -> list[str] | None:
    return None if addresses is None else sorted(addresses)


def _dump_issuer(issuer: TokenIssuer, people: People) -> dict[str, Any]:
    now = time.time()

    def rows(issued: Mapping[str, Issued], *, expired: bool) -> dict[str, Any]:
        return {
            secret: _issued_row(one, people)
            for secret, one in issued.items()
            if expired or one.expires_at > now
        }

    return {
        "key": issuer.private_key(),
        "revoked": sorted(issuer.revoked),
        "ended": {family: asdict(refusal) for family, refusal in issuer.ended.items()},
        "codes": rows(issuer.codes, expired=False),
        "access_tokens": rows(issuer.access_tokens, expired=False),
        "refresh_tokens": rows(issuer.refresh_tokens, expired=True),
    }


def _issued_row(issued: Issued, people: People) -> dict[str, Any]:
    grant = issued.grant
    row = {name: value for name, value in vars(issued).items() if name != "grant"}
    fields = {name: value for name, value in vars(grant).items() if name != "person"}
    return row | {"grant": fields | {"person": people.number(grant.person) if grant.person else None}}


def dump_mailbox(mailbox: Mailbox) -> bytes:
    """Return a mailbox as one line of JSON."""
    journal = [[_text(value) for value in entry] for entry in mailbox.journal]
    return json.dumps({"address": mailbox.address, "journal": journal}).encode()


def _text(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def load_mailbox(row: Mapping[str, Any]) -> Mailbox:
    """Return the mailbox of `dump_mailbox`, with the same ids and history."""
    mailbox = Mailbox(row["address"])
    for kind, *values in row["journal"]:
        if kind == "add":
            values[0] = base64.b64decode(values[0])
        entry: Entry = (kind, *values)
        mailbox.replay(entry)
    return mailbox


def load(cloud: Cloud, document: Mapping[str, Any], mailboxes: Sequence[Mailbox]) -> Cloud:
    """Return a cloud with the content of `dump`, and the behaviour and faults of another one."""
    people = [_person(row, mailboxes) for row in document["people"]]
    permissions, registration = document["permissions"], document["registration"]
    policy = permissions["application_policy"]
    return replace(
        cloud,
        directory=_directory(document["directory"], people),
        registration=_registration(registration),
        permissions=Permissions(
            {(mailbox, person) for mailbox, person in permissions["full_access"]},
            None if policy is None else frozenset(policy),
        ),
        consents=_consents(document["consents"]),
        refusals={owner: Refusal(**row) for owner, row in document["refusals"].items()},
        issuer=_issuer(document["issuer"], people),
    )


def _person(row: Mapping[str, Any], mailboxes: Sequence[Mailbox]) -> Person:
    fields = dict(row)
    claims = fields.pop("claims") | dict.fromkeys(fields.pop("without_claims"), ...)
    replaced = {"mailbox": mailboxes[row["mailbox"]], "aliases": tuple(row["aliases"]), "claims": claims}
    return Person(**fields | replaced)


def _directory(row: Mapping[str, Any], people: Sequence[Person]) -> Directory:
    directory = Directory(row["tenant_id"])
    directory.domains = dict(row["domains"])
    directory.people = tuple(people[number] for number in row["people"])
    return directory


def _registration(row: Mapping[str, Any]) -> Registration:
    secrets = [Secret(**secret) for secret in row["secrets"]]
    certificates = [pem.encode() for pem in row["certificates"]]
    return Registration(row["client_id"], secrets, certificates, row["audience"])


def _consents(row: Mapping[str, Any]) -> Consents:
    consents = Consents()
    consents.required, consents.administrator_only = row["required"], frozenset(row["administrator_only"])
    consents.people = defaultdict(set, {owner: set(given) for owner, given in row["people"].items()})
    consents.directories = defaultdict(
        set, {owner: set(given) for owner, given in row["directories"].items()}
    )
    return consents


def _issuer(row: Mapping[str, Any], people: Sequence[Person]) -> TokenIssuer:
    issuer = TokenIssuer(row["key"])
    issuer.revoked = set(row["revoked"])
    issuer.ended = {family: Refusal(**refusal) for family, refusal in row["ended"].items()}
    for name in ("codes", "access_tokens", "refresh_tokens"):
        issued = {secret: _issued(fields, people) for secret, fields in row[name].items()}
        setattr(issuer, name, issued)
        issuer.secrets += issued
    return issuer


def _issued(row: Mapping[str, Any], people: Sequence[Person]) -> Issued:
    fields = row["grant"]
    person = None if fields["person"] is None else people[fields["person"]]
    grant = Grant(**fields | {"person": person, "scopes": tuple(fields["scopes"])})
    return Issued(**{**row, "grant": grant})
