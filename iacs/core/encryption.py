"""Secrets at rest: what the database keeps of tokens and sign-ins is readable with the key alone."""

import json
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import SecretStr

from iacs.core.exceptions import DatabaseError

if TYPE_CHECKING:
    from iacs.core.key_ring import KeyRing


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
        from iacs.core.key_ring import KeyRing

        return KeyRing.new_key()

    def encrypt(self, text: str, *, context: str) -> str:
        """Return `text` in a form that only the key opens, and only for `context`."""
        return self._key_ring.encrypt(json.dumps([context, text]))

    def decrypt(self, text: str, *, context: str) -> str:
        """Return what was encrypted for `context`.

        Raises ConfigurationError when no key fits, DatabaseError when it was encrypted for another context.
        """
        bound, plain = json.loads(self._key_ring.decrypt(text))
        if bound != context:
            raise DatabaseError(
                "A secret in the database belongs to another record: rows were altered outside iacs."
                " Sign out and in again."
            )
        return str(plain)

    def probe(self) -> None:
        """Look at the keys; raises ConfigurationError when there is none, or one is no key."""
        _ = self._key_ring

    @cached_property
    def _key_ring(self) -> "KeyRing":
        from iacs.core.key_ring import KeyRing

        return KeyRing(self._keys.get_secret_value() if self._keys else "")
