"""Secrets at rest: what the database keeps of tokens and sign-ins is readable with the key alone."""

import json
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from iacs.core.exceptions import ConfigurationError, DatabaseError


class Encryption:
    """Encrypt text with the first of several keys, decrypt it with whichever fits.

    Keys are Fernet keys, comma-separated, looked at when first used. `context` says what the text belongs
    to, such as an account; a ciphertext moved to another record does not decrypt there.
    """

    def __init__(self, keys: SecretStr | None) -> None:
        self._keys = keys

    @staticmethod
    def new_key() -> str:
        """Return a new random key."""
        return Fernet.generate_key().decode()

    def encrypt(self, text: str, *, context: str) -> str:
        """Return `text` in a form that only the key opens, and only for `context`."""
        return self._fernet.encrypt(json.dumps([context, text]).encode()).decode()

    def decrypt(self, text: str, *, context: str) -> str:
        """Return what was encrypted for `context`.

        Raises ConfigurationError when no key fits, DatabaseError when it was encrypted for another context.
        """
        try:
            bound, plain = json.loads(self._fernet.decrypt(text.encode()))
        except InvalidToken:
            raise ConfigurationError(
                [
                    (
                        "TOKEN_ENCRYPTION_KEY does not open what the database keeps: append the key it was"
                        " written with, after a comma, or sign in again"
                    )
                ]
            ) from None
        if bound != context:
            raise DatabaseError(
                "A secret in the database belongs to another record: rows were altered outside iacs."
                " Sign out and in again."
            )
        return str(plain)

    @cached_property
    def _fernet(self) -> MultiFernet:
        value = self._keys.get_secret_value() if self._keys else ""
        keys = [key.strip() for key in value.split(",") if key.strip()]
        if not keys:
            raise ConfigurationError(["TOKEN_ENCRYPTION_KEY is not set; make one with: iacs config new-key"])
        return MultiFernet([_fernet(key, number) for number, key in enumerate(keys, start=1)])


def _fernet(key: str, number: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:  # its text may quote the key
        raise ConfigurationError(
            [
                (
                    f"TOKEN_ENCRYPTION_KEY: key {number} is not a Fernet key (32 bytes in URL-safe base64);"
                    " make one with: iacs config new-key"
                )
            ]
        ) from None
