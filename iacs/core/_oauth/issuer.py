"""The issuer of metadata: that of the host and the tenant that were asked (OpenID Connect Discovery 1.0, 4.3)."""

from urllib.parse import urlsplit

from iacs.core._oauth.tenant import is_directory_id
from iacs.core.exceptions import MalformedResponseError
from iacs.core.http_client import same_origin

_EXTERNAL_TENANTS = ".ciamlogin.com"


def check_issuer(issuer: str, *, host: str, tenant: str) -> None:
    """Raise MalformedResponseError for the issuer of another host, or of another tenant than a directory id.

    A domain, `common` and `organizations` say nothing about the id in the issuer. The issuer of an external tenant
    has its id as a subdomain of ciamlogin.com, whatever the host that people see.
    """
    directory_id = urlsplit(issuer).path.strip("/").partition("/")[0]
    external = f"https://{directory_id}{_EXTERNAL_TENANTS}"
    is_external = is_directory_id(directory_id) and same_origin(issuer, external)
    if not is_external and not same_origin(issuer, host):
        raise MalformedResponseError(
            f"Entra ID's metadata name the issuer {issuer}, which is not on the host of AZURE_AUTHORITY_HOST, {host}",
            status=200,
            hint="correct AZURE_AUTHORITY_HOST, or have the proxy that answered let requests through to Entra ID",
        )
    if is_directory_id(tenant) and directory_id.lower() != tenant.lower():
        raise MalformedResponseError(
            f"Entra ID's metadata are those of another tenant: the issuer is {issuer}, and {tenant} was asked for",
            status=200,
            hint="check AZURE_AUTHORITY_HOST and AZURE_TENANT_ID, or the account's tenant_id",
        )
