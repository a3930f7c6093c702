"""Which tenants and accounts may use the application, and at which authority."""

from iacs.sandbox.cloud import Cloud
from iacs.sandbox.directory import PERSONAL, Person
from iacs.sandbox.entra.errors import EntraError, invalid_request


def tenant_id(cloud: Cloud, authority: str) -> str:
    """Return the id of the tenant that an authority names, "" for common and organizations; raise EntraError."""
    tenant = cloud.directory.resolve(authority)
    if tenant is None:
        raise invalid_request(
            f"Tenant '{authority}' not found. Check to make sure you have the correct tenant ID.", 90002
        )
    return tenant


def check_audience(cloud: Cloud, authority: str) -> str:
    """Return the id as `tenant_id` does; raise EntraError if the registration does not serve the authority."""
    tenant, audience = tenant_id(cloud, authority), cloud.registration.audience
    if tenant == cloud.directory.tenant_id or audience == "AzureADandPersonalMicrosoftAccount":
        return tenant
    if audience == "AzureADMyOrg" and not tenant:
        raise invalid_request(
            f"Application '{cloud.registration.client_id}' is not configured as a multi-tenant application."
            f" Usage of the /{authority} endpoint is not supported for such applications.",
            50194,
        )
    if audience == "AzureADMyOrg" or tenant == PERSONAL:
        message = (
            f"Application with identifier '{cloud.registration.client_id}' was not found in the directory."
        )
        raise EntraError("unauthorized_client", 700016, message)
    return tenant


def eligible(cloud: Cloud, authority: str) -> list[Person]:
    """Return the people who may sign in at an authority: a tenant's members and guests, or all members."""
    tenant = check_audience(cloud, authority)
    without_personal = (
        authority.lower() == "organizations" or cloud.registration.audience == "AzureADMultipleOrgs"
    )
    return [
        person
        for person in cloud.directory.people
        if (person.tenant_id == tenant if tenant else not person.is_guest)
        and not (person.is_personal and without_personal)
    ]


def find_person(cloud: Cloud, authority: str, hint: str) -> Person | None:
    """Return who signs in at an authority, None if nobody has this name; raise EntraError for the wrong tenant."""
    person = cloud.directory.find(hint, check_audience(cloud, authority))
    if person in eligible(cloud, authority):
        return person
    elsewhere = person or cloud.directory.find(hint)
    if elsewhere is None:
        return None
    provider = "live.com" if elsewhere.is_personal else f"https://sts.windows.net/{elsewhere.tenant_id}/"
    raise invalid_request(
        f"User account '{elsewhere.username}' from identity provider '{provider}' does not exist in tenant"
        f" '{authority}' and cannot access the application '{cloud.registration.client_id}' in that tenant.",
        50020,
    )


def find_again(cloud: Cloud, authority: str, person: Person) -> Person:
    """Return the user that a person is at an authority, for a refresh token that is used there."""
    tenant = tenant_id(cloud, authority)
    if tenant in ("", person.tenant_id):
        return person
    there = cloud.directory.find(person.address, tenant)
    if there is None or not there.is_guest:
        message = f"User account '{person.username}' does not exist in tenant '{authority}'."
        raise EntraError("invalid_grant", 50020, message)
    return there
