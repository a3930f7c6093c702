"""Profiles."""

from aiohttp import web

from iacs.sandbox.directory import Person
from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.listing import select_properties


def profile(call: Call, person: Person) -> web.Response:
    """Return the profile of a person."""
    given, _, surname = person.name.partition(" ")
    everything: dict[str, object] = {
        "businessPhones": [],
        "displayName": person.name,
        "givenName": given or None,
        "jobTitle": None,
        "mail": person.address,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": surname or None,
        "userPrincipalName": person.address,
        "id": person.object_id,
    }
    selected = select_properties(everything, call.query.get("$select", ""), frozenset(everything), "user")
    return call.answer({"@odata.context": f"{call.base}/$metadata#users/$entity", **selected})
