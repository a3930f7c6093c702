"""The credential of an application: a secret, a certificate, or, as a public client, none.

Few applications have a certificate, and signing with it needs libraries that are slow to import: its file is imported at
the first use.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from iacs.core._oauth.certificate import ClientCertificate

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class ClientCredential:
    """The credential of one application; a certificate takes precedence over a secret."""

    def __init__(
        self,
        client_id: str,
        *,
        secret: SecretStr | None = None,
        certificate_path: Path | None = None,
        certificate_password: SecretStr | None = None,
    ) -> None:
        self._client_id = client_id
        self._secret = secret
        self._path = certificate_path
        self._password = certificate_password

    @property
    def public(self) -> bool:
        """Return whether there is neither a secret nor a certificate."""
        return self._path is None and not self._secret

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
