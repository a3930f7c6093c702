"""The keys of Encryption, for the one library that is slow to import: Encryption does so at the first secret."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from iacs.core.exceptions import ConfigurationError


class KeyRing:
    """Encrypt with the first of several Fernet keys, comma-separated; decrypt with whichever fits."""

    def __init__(self, keys: str) -> None:
        each = [key.strip() for key in keys.split(",") if key.strip()]
        if not each:
            raise ConfigurationError(["TOKEN_ENCRYPTION_KEY is not set; make one with: iacs config new-key"])
        self._fernet = MultiFernet([_fernet(key, number) for number, key in enumerate(each, start=1)])

    @staticmethod
    def new_key() -> str:
        """Return a new random key."""
        return Fernet.generate_key().decode()

    def encrypt(self, text: str) -> str:
        """Return `text` in a form that only the key opens."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """Return what was encrypted; raise ConfigurationError when no key fits."""
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken:
            raise ConfigurationError(
                [
                    (
                        "TOKEN_ENCRYPTION_KEY does not open what the database keeps: append the key it was"
                        " written with, after a comma, or sign in again"
                    )
                ]
            ) from None


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
