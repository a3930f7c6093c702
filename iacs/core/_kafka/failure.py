"""Why a broker could not be used, in the words of the settings."""

import ssl

from iacs.core._kafka import driver
from iacs.core._kafka.oauth_token import OAuthTokenError
from iacs.core._kafka.settings import ConnectionSettings, Failure
from iacs.core._kafka.transports import HandshakeError
from iacs.core._tls.verification import causes, certificate_problem
from iacs.redaction import redact_foreign

_PROTOCOL = "check KAFKA_SECURITY_PROTOCOL, and the port in KAFKA_BOOTSTRAP_SERVERS"
_CLIENT_CERTIFICATE_ALERTS = (
    *("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA"),
    *("CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED", "UNSUPPORTED_CERTIFICATE"),
)
_ATTEMPTS = 4
"""A broker that is starting, or a proxy in front of it, also closes connections; not so often in a row."""


def explain(
    error: BaseException, server: str, settings: ConnectionSettings, *, ready: bool
) -> Failure | None:
    """Return the cause of a failed connection to a broker; None if only the driver's text says more.

    `ready` means that the connection was complete, and was lost afterwards.
    """
    problem = certificate_problem(error, server, ca_setting="KAFKA_SSL_CAFILE")
    if problem is not None:
        return Failure(problem.message, problem.hint, 1)
    if isinstance(error, HandshakeError) and isinstance(error.__cause__, driver.KafkaTimeoutError):
        return Failure(f"{server} does not answer in the TLS handshake", f"{_PROTOCOL}; try again later", 0)
    for cause in causes(error):
        if failure := _of_cause(cause, server, settings):
            return failure
    if isinstance(error, HandshakeError):
        return _closed_handshake(server, settings)
    if ready and not settings.security_protocol.startswith("SASL"):
        protocol = settings.security_protocol
        what = f"{server} closed the connection at the first request, so it may require SASL ({protocol})"
        return Failure(what, _PROTOCOL, _ATTEMPTS)
    return None


def _of_cause(cause: BaseException, server: str, settings: ConnectionSettings) -> Failure | None:
    if isinstance(cause, OAuthTokenError):
        return Failure(str(cause), cause.hint, 1)
    if isinstance(cause, driver.SASL_REJECTIONS):
        return _sasl(cause, settings)
    if isinstance(cause, driver.InvalidReceiveError):
        return _not_kafka(server, settings)
    return _tls(cause, server, settings) if isinstance(cause, ssl.SSLError) else None


def _sasl(error: BaseException, settings: ConnectionSettings) -> Failure:
    mechanism, protocol = settings.sasl_mechanism, settings.security_protocol
    if isinstance(error, driver.UnsupportedSaslMechanismError):
        hint = "set KAFKA_SASL_MECHANISM to one that the brokers enable"
        return Failure(f"the brokers do not accept the SASL mechanism {mechanism}", hint, 1)
    if isinstance(error, driver.IllegalSaslStateError):
        said = f"the brokers do not expect SASL on this port, which KAFKA_SECURITY_PROTOCOL={protocol} uses"
        return Failure(said, _PROTOCOL, 1)
    said = redact_foreign(str(error.args[0]) if error.args else "", settings.secrets())
    if mechanism == "OAUTHBEARER":
        hint = "check the audience, the scopes and the expiry of the token"
        return Failure(f"authentication failed: the brokers rejected the access token ({said})", hint, 1)
    what = f"authentication failed: wrong password, or unknown user {settings.sasl_username!r} ({said})"
    return Failure(what, "check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM", 1)


def _not_kafka(server: str, settings: ConnectionSettings) -> Failure:
    protocol = settings.security_protocol
    if protocol.endswith("PLAINTEXT"):
        what = f"{server} does not answer in Kafka's protocol without TLS, as KAFKA_SECURITY_PROTOCOL={protocol} requires"
        return Failure(what, f"if the port expects TLS, use {protocol.replace('PLAINTEXT', 'SSL')}", 1)
    return Failure(f"{server} does not answer in Kafka's protocol", _PROTOCOL, 1)


def _tls(error: ssl.SSLError, server: str, settings: ConnectionSettings) -> Failure:
    reason = str(error.reason or error)
    if "ALERT" in reason and reason.endswith(_CLIENT_CERTIFICATE_ALERTS):
        return _client_certificate(server, settings)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
        return _closed_handshake(server, settings)
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return Failure(f"{server} does not answer with TLS", _PROTOCOL, 1)
    what = f"the TLS handshake with {server} failed ({reason.lower().replace('_', ' ')})"
    return Failure(what, "check the TLS versions and ciphers that the brokers accept", 1)


def _client_certificate(server: str, settings: ConnectionSettings) -> Failure:
    if settings.ssl_certfile is None:
        hint = "set KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE to PEM files"
        return Failure(f"{server} requires a client certificate, and none is set", hint, 1)
    what = f"{server} rejected the client certificate in {settings.ssl_certfile}"
    return Failure(what, "check that the brokers trust its CA, and that it has not expired", 1)


def _closed_handshake(server: str, settings: ConnectionSettings) -> Failure:
    protocol = settings.security_protocol
    what = f"{server} closed the connection during the TLS handshake, so it may not expect TLS ({protocol})"
    return Failure(what, _PROTOCOL, _ATTEMPTS)
