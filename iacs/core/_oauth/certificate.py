"""The certificate that identifies an application, and the assertions signed with its key."""

import base64
import time
from datetime import datetime
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

from iacs.core.exceptions import ConfigurationError

_LIFETIME = 600
_BOTH = "put the private key and its certificate into one PEM file"


class ClientCertificate:
    """The certificate and key of an application, in a PEM file that is read at the first use."""

    def __init__(self, client_id: str, path: Path, password: SecretStr | None) -> None:
        self._client_id = client_id
        self._path = path
        self._password = password

    def assertion(self, token_endpoint: str) -> str:
        """Return a signed private_key_jwt, as entra-docs' certificate-credentials requires: PS256, x5t#S256, ten minutes."""
        key, thumbprint, _ = self._certificate
        now = int(time.time())
        claims = {
            "aud": token_endpoint,
            "iss": self._client_id,
            "sub": self._client_id,
            "jti": str(uuid4()),
            "nbf": now,
            "iat": now,
            "exp": now + _LIFETIME,
        }
        return jwt.encode(claims, key, algorithm="PS256", headers={"x5t#S256": thumbprint})

    @property
    def expires_at(self) -> datetime:
        """The end of the certificate's validity; the file is read at the first use."""
        return self._certificate[2]

    @cached_property
    def _certificate(self) -> tuple[RSAPrivateKey, str, datetime]:
        pem = _read(self._path)
        key = _private_key(pem, self._password)
        try:
            certificates = x509.load_pem_x509_certificates(pem)
        except ValueError:
            raise _unusable("the file contains no certificate", hint=_BOTH) from None
        for certificate in certificates:
            if certificate.public_key() == key.public_key():
                digest = certificate.fingerprint(SHA256())
                thumbprint = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                return key, thumbprint, certificate.not_valid_after_utc
        raise _unusable("the file contains no certificate for its private key", hint=_BOTH)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
        raise _unusable(problem, hint="name a file that this user can read") from error


def _private_key(pem: bytes, password: SecretStr | None) -> RSAPrivateKey:
    secret = password.get_secret_value().encode() if password else None
    try:
        key = load_pem_private_key(pem, secret)
    except TypeError:
        has, verb = ("has a password", "set") if secret is None else ("has no password", "unset")
        raise _unusable(f"the private key {has}", hint=f"{verb} AZURE_CLIENT_CERTIFICATE_PASSWORD") from None
    except ValueError:
        opened = " that AZURE_CLIENT_CERTIFICATE_PASSWORD opens" if secret else ""
        raise _unusable(f"the file contains no private key in PEM{opened}", hint=_BOTH) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise _unusable("the private key is not an RSA key of at least 2048 bits", hint="make a new key")
    return key


def _unusable(problem: str, *, hint: str) -> ConfigurationError:
    return ConfigurationError([f"AZURE_CLIENT_CERTIFICATE_PATH: {problem}"], hint=hint)
