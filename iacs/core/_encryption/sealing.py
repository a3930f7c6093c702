"""AES-256 in GCM (NIST SP 800-38D), with the context as associated data: a form byte, a nonce, ciphertext and tag."""

import os

_FORM = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
KEY_BYTES = 32


class SealError(Exception):
    """Bytes were not sealed with this key for this context."""


class MalformedSealError(SealError):
    """Bytes do not have the form of sealed ones."""


def random_key() -> bytes:
    """Return a new random key."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, plain: bytes, *, context: str) -> bytes:
    """Encrypt `plain` for `context`.

    The nonce is random: a key may seal 2**32 texts, and one of iacs seals about one an hour.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return _FORM + nonce + AESGCM(key).encrypt(nonce, plain, _associated(context))


def unseal(key: bytes, sealed: bytes, *, context: str) -> bytes:
    """Return what was sealed; raise SealError."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if sealed[:1] != _FORM or len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
        raise MalformedSealError
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, _associated(context))
    except InvalidTag:
        raise SealError from None


def _associated(context: str) -> bytes:
    return context.encode("utf-8", "surrogatepass")
