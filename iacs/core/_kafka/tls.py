"""The TLS context for connections to the brokers, from the files that the settings name."""

import ssl
from pathlib import Path

from pydantic import SecretStr

from iacs.core.exceptions import KafkaError

_PEM = "name a PEM file that this user can read"


def tls_context(
    *, cafile: Path | None, certfile: Path | None, keyfile: Path | None, key_password: SecretStr | None
) -> ssl.SSLContext:
    """Return a context that verifies the brokers, and presents a client certificate where one is set.

    Raises KafkaError for a file that cannot be used. A key without a file of its own is in `certfile`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cafile is None:
        context.load_default_certs()
    else:
        _load_ca(context, cafile)
    if certfile is not None:
        _add_client_certificate(context, certfile, keyfile, key_password)
    elif keyfile is not None:
        raise KafkaError(
            "KAFKA_SSL_KEYFILE is set without a certificate", hint="set KAFKA_SSL_CERTFILE to a PEM file"
        )
    return context


def _load_ca(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise KafkaError(f"KAFKA_SSL_CAFILE: {path} has no certificate in PEM", hint=_PEM) from None
    except OSError as error:
        raise _unreadable("KAFKA_SSL_CAFILE", path, error) from error


def _add_client_certificate(
    context: ssl.SSLContext, certfile: Path, keyfile: Path | None, key_password: SecretStr | None
) -> None:
    for setting, path in (("KAFKA_SSL_CERTFILE", certfile), ("KAFKA_SSL_KEYFILE", keyfile)):
        try:
            _ = path and path.read_bytes()
        except OSError as error:
            raise _unreadable(setting, path, error) from error
    password = key_password.get_secret_value() if key_password else ""
    try:
        # A callable, since OpenSSL would ask for a missing password on the terminal.
        context.load_cert_chain(certfile, keyfile, lambda: password)
    except ValueError:  # longer than OpenSSL accepts
        raise _key_refused(certfile, keyfile) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise KafkaError(
                f"the private key in {keyfile or certfile} does not belong to the certificate in {certfile}",
                hint="set KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE to files of the same certificate",
            ) from None
        raise _key_refused(certfile, keyfile) from None


def _key_refused(certfile: Path, keyfile: Path | None) -> KafkaError:
    return KafkaError(
        f"{certfile} and {keyfile} do not hold a certificate and its private key in PEM"
        if keyfile
        else f"{certfile} does not hold a certificate and its private key in PEM",
        hint="check KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE, and KAFKA_SSL_KEY_PASSWORD if the key is encrypted",
    )


def _unreadable(setting: str, path: Path | None, error: OSError) -> KafkaError:
    return KafkaError(f"{setting}: {path} cannot be read ({error.strerror})", hint=_PEM)
