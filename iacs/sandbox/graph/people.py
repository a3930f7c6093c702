"""Profiles."""

from aiohttp import web

from iacs.sandbox.directory import Person
from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.listing import select_properties

_ON_REQUEST = {"otherMails", "proxyAddresses"}


def profile(call: Call, person: Person) -> web.Response:
    """Return the profile of a person."""
    given, _, surname = person.name.partition(" ")
    everything: dict[str, object] = {
        "businessPhones": [],
        "displayName": person.name,
        "givenName": given or None,
        "jobTitle": None,
        "mail": None if person.is_personal else person.address,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": surname or None,
        "userPrincipalName": person.username,
        "id": person.object_id,
        "otherMails": [],
        "proxyAddresses": [f"SMTP:{person.address}", *(f"smtp:{alias}" for alias in person.aliases)],
    }
    if not call.query.get("$select"):
        everything = {name: value for name, value in everything.items() if name not in _ON_REQUEST}
    selected = select_properties(everything, call.query.get("$select", ""), frozenset(everything), "user")
    return call.answer({"@odata.context": f"{call.base}/$metadata#users/$entity", **selected})
