"""The credential of an application: a secret, a certificate, or, as a public client, none.

Few applications have a certificate, and signing with it needs libraries that are slow to import: its file is imported at
the first use.
"""

from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from iacs.core import clock
from iacs.core.exceptions import DegradedError

if TYPE_CHECKING:
    from iacs.core._oauth.certificate import ClientCertificate

_NOTICE = timedelta(days=30)
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class ClientCredential:
    """The credential of one application; a certificate takes precedence over a secret."""

    def __init__(
        self,
        client_id: str,
        *,
        secret: SecretStr | None = None,
        secret_expires: date | None = None,
        certificate_path: Path | None = None,
        certificate_password: SecretStr | None = None,
    ) -> None:
        self._client_id = client_id
        self._secret = secret
        self._secret_expires = secret_expires
        self._path = certificate_path
        self._password = certificate_password

    @property
    def public(self) -> bool:
        """Return whether there is neither a secret nor a certificate."""
        return self._path is None and not self._secret

    def check_expiry(self) -> None:
        """Raise DegradedError from 30 days before the certificate expires, or the secret, if its date is known."""
        if self._path is not None:
            name, expires = "certificate", self._certificate.expires_at.date()
            remedy = "upload a new certificate to the app registration, and set AZURE_CLIENT_CERTIFICATE_PATH"
        elif self._secret and self._secret_expires:
            name, expires = "secret", self._secret_expires
            remedy = "make a new one in the app registration, and set AZURE_CLIENT_SECRET and AZURE_CLIENT_SECRET_EXPIRES"
        else:
            return
        today = clock.now().date()
        if expires - today <= _NOTICE:
            verb = "expires" if expires >= today else "expired"
            raise DegradedError(f"the client {name} {verb} on {expires}", hint=remedy)

    def form(self, token_endpoint: str) -> dict[str, str | SecretStr]:
        """Return the fields for one request to `token_endpoint`, with the client's id."""
        fields: dict[str, str | SecretStr] = {"client_id": self._client_id}
        if self._path is not None:
            return fields | {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": SecretStr(self._certificate.assertion(token_endpoint)),
            }
        if self._secret:
            return fields | {"client_secret": self._secret}
        return fields

    @cached_property
    def _certificate(self) -> "ClientCertificate":
        from iacs.core._oauth.certificate import ClientCertificate

        return ClientCertificate(self._client_id, self._path or Path(), self._password)
