"""What to do about the errors of Entra ID that people meet: clauses, as every hint is.

By AADSTS number (entra-docs' reference-error-codes), and by OAuth error where the number says nothing more.
"""

_MFA = "the tenant requires a second factor: the person must sign in again and confirm it"
_PASSWORD = "the password has expired: the person must change it and sign in again"  # noqa: S105
_REVOKED = "the grant was revoked or the password was reset: the person must sign in again"
_IDLE = "the refresh token has expired, unused for too long: the person must sign in again"
_POLICY = (
    "a conditional access policy of the tenant refused it: its administrator must say which device,"
    " location or application the policy accepts; the person then signs in again"
)
_APPLICATION_OFF = "the application is disabled in this tenant: its administrator must enable it"

HINTS: dict[int | str, str] = {
    7000215: "the client secret is wrong: set AZURE_CLIENT_SECRET to the secret's value, not to its id",
    7000222: (
        "the client secret has expired: make a new one in the app registration and set AZURE_CLIENT_SECRET"
    ),
    700027: (
        "the certificate is unknown to the app registration or has expired: upload it there, or correct"
        " AZURE_CLIENT_CERTIFICATE_PATH"
    ),
    7000218: "the app registration requires a secret: set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH",
    700016: (
        "the application is not known in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID, or have the"
        " tenant's administrator consent to it"
    ),
    7000112: _APPLICATION_OFF,
    70001: _APPLICATION_OFF,
    90002: "the tenant does not exist: correct AZURE_TENANT_ID, or the account's tenant_id",
    50194: "the application is for one tenant only: set AZURE_TENANT_ID to that tenant's id",
    50011: "add the value of AZURE_REDIRECT_URI to the redirect URIs of the app registration, exactly",
    90094: "an administrator of the tenant must consent to the application's permissions",
    65001: "the person, or an administrator, has not consented to the permissions: sign in again and accept",
    50057: "the person's account is disabled in its directory: its administrator must enable it",
    53000: _POLICY,
    53001: _POLICY,
    53002: _POLICY,
    53003: _POLICY,
    530032: _POLICY,
    50072: _MFA,
    50074: _MFA,
    50076: _MFA,
    50078: _MFA,
    50079: _MFA,
    50055: _PASSWORD,
    50144: _PASSWORD,
    50173: _REVOKED,
    50132: _REVOKED,
    50133: _REVOKED,
    50089: _IDLE,
    70008: _IDLE,
    700082: _IDLE,
    70043: "the tenant's sign-in frequency policy requires it: the person must sign in again",
    700084: (
        "tokens of a single-page application end after 24 hours: register the redirect URI under Web or under"
        " Mobile and desktop; the person then signs in again"
    ),
    54005: "the code was already redeemed: start the sign-in again",
    50196: (
        "too many identical requests came from this application: let every process share one database, and"
        " report it as a fault of iacs"
    ),
    "access_denied": "the person, or a policy of the tenant, declined: start the sign-in again",
    "authorization_declined": "the person declined: start the sign-in again",
    "expired_token": "the code was not entered in time: start the sign-in again",
    "bad_verification_code": "the device code is no longer known: start the sign-in again",
}
