"""Data keys that only HashiCorp Vault, or OpenBao, can decrypt: the transit engine as iacs's key provider.

    vault secrets enable transit
    vault write -f transit/keys/iacs type=aes256-gcm96

    export VAULT_ADDR=https://vault.example:8200 VAULT_TOKEN=…
    export PYTHONPATH=examples TOKEN_KEY_PROVIDER=vault_keys:create_keys

The wrapping key never leaves Vault. `vault write -f transit/keys/iacs/rotate` makes a new version of it, and
`iacs tokens rotate-key` encrypts every data key with that. For AWS KMS, call Encrypt and Decrypt in the two methods, with
the context as EncryptionContext.
"""

import base64
import json

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from iacs.core.exceptions import DatabaseError, KeyRefusedError, KeyServiceError
from iacs.core.http_client import HttpClient
from iacs.core.key_provider import WrappedKey


class VaultKeys:
    """A key of Vault's transit engine, for a `token` whose policy allows transit/encrypt and transit/decrypt with it."""

    def __init__(self, http: HttpClient, *, url: str, token: SecretStr, key: str = "iacs") -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token = token
        self._key = key

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        """Encrypt a data key with the newest version of Vault's key."""
        text = await self._request("encrypt", "ciphertext", context, plaintext=_encoded(key))
        return WrappedKey(f"vault:{self._key}", text.encode())

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        """Decrypt a data key; raise DatabaseError if Vault did not encrypt it for this context."""
        text = await self._request("decrypt", "plaintext", context, ciphertext=wrapped.ciphertext.decode())
        return base64.b64decode(text)

    async def aclose(self) -> None:
        """Close the connections to Vault."""
        await self._http.aclose()

    async def _request(self, action: str, wanted: str, context: str, **fields: str) -> str:
        response = await self._http.send(
            "POST",
            f"{self._url}/v1/transit/{action}/{self._key}",
            headers={"X-Vault-Token": self._token},
            json=fields | {"associated_data": _encoded(context.encode())},
        )
        if response.status == 200:
            return str(json.loads(response.body)["data"][wanted])
        if response.status == 403:
            raise KeyRefusedError(
                f"Vault refuses to {action} with the key {self._key}", hint="check the policy of VAULT_TOKEN"
            )
        if response.status == 400 and action == "decrypt":
            raise DatabaseError(
                "Vault did not encrypt this data key for this record", hint="sign out and sign in again"
            )
        raise KeyServiceError(
            f"Vault answered {response.status} to {action}",
            status=response.status,
            hint="check: vault status",
        )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class VaultSettings(BaseSettings):
    """VAULT_ADDR and VAULT_TOKEN, under the names that Vault's own command line uses."""

    vault_addr: str = "http://127.0.0.1:8200"
    vault_token: SecretStr = SecretStr("")


def create_keys() -> VaultKeys:
    """Return the keys of the Vault that VAULT_ADDR and VAULT_TOKEN name."""
    settings = VaultSettings()
    return VaultKeys(HttpClient(), url=settings.vault_addr, token=settings.vault_token)
