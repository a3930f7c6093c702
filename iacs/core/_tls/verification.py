"""Why the certificate of a server was not accepted."""

import ssl
from collections.abc import Iterator
from typing import NamedTuple

# Of OpenSSL's x509_vfy.h; the texts that belong to them differ between its releases.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_HOST = (62, 64)
_UNKNOWN_CA = (2, 18, 19, 20, 21)


class CertificateProblem(NamedTuple):
    """What is wrong with the certificate of a server, and what to do."""

    message: str
    hint: str


def certificate_problem(error: BaseException, server: str, *, ca_setting: str) -> CertificateProblem | None:
    """Return why the certificate of `server` was not accepted; None if `error` has another cause.

    `ca_setting` is the name of the setting for a CA file.
    """
    for cause in causes(error):
        # aiohttp's error is of this class too, and has no code.
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_code"):
            return _problem(cause, server, ca_setting)
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the errors that it was raised from, wraps, or was raised beside."""
    pending, seen = [error], set[int]()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inside = (current.__cause__, current.__context__, getattr(current, "os_error", None), *current.args)
        pending += [one for one in inside if isinstance(one, BaseException)]


def _problem(error: ssl.SSLCertVerificationError, server: str, ca_setting: str) -> CertificateProblem:
    code = error.verify_code
    if code == _EXPIRED:
        return CertificateProblem(
            f"the certificate of {server} has expired",
            "have the certificate renewed, and check the clock of this machine",
        )
    if code == _NOT_YET_VALID:
        return CertificateProblem(
            f"the certificate of {server} is not valid yet",
            "check the clock of this machine, and the date of the certificate",
        )
    if code in _OTHER_HOST:
        return CertificateProblem(
            f"the certificate of {server} was issued for another host ({error.verify_message})",
            "connect by a name that is in the certificate, or have a certificate issued for this name",
        )
    if code in _UNKNOWN_CA:
        return CertificateProblem(
            f"the certificate of {server} is not trusted: it was issued by an unknown CA",
            f"if the CA is yours, or that of a proxy that inspects TLS, name its file in {ca_setting}",
        )
    return CertificateProblem(
        f"the certificate of {server} is not accepted: {error.verify_message}",
        f"have the certificate corrected, or check the file of the CA in {ca_setting}",
    )
