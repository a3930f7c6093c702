"""One sentence of what to do for the errors of Entra ID that people meet.

By AADSTS number (entra-docs' reference-error-codes), and by OAuth error where the number says nothing more.
"""

_MFA = "The tenant asks for a second factor: the person must sign in again and confirm it."
_PASSWORD = "The password has expired: the person must change it and sign in again."  # noqa: S105
_REVOKED = "The grant was revoked or the password was reset: the person must sign in again."
_IDLE = "The refresh token has expired, unused for too long: the person must sign in again."
_POLICY = (
    "A conditional access policy of the tenant stands in the way: its administrator must say which device,"
    " place or application the policy accepts; the person then signs in again."
)
_APPLICATION_OFF = "The application is disabled in this tenant: its administrator must enable it."

HINTS: dict[int | str, str] = {
    7000215: "The client secret is wrong: set AZURE_CLIENT_SECRET to the secret's value, not to its id.",
    7000222: (
        "The client secret has expired: make a new one in the app registration and set AZURE_CLIENT_SECRET."
    ),
    700027: (
        "The certificate is unknown to the app registration or has expired: upload it there, or correct"
        " AZURE_CLIENT_CERTIFICATE_PATH."
    ),
    7000218: "The app registration wants a secret: set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH.",
    700016: (
        "The application is not known in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID, or have the"
        " tenant's administrator consent to it."
    ),
    7000112: _APPLICATION_OFF,
    70001: _APPLICATION_OFF,
    90002: "There is no such tenant: correct AZURE_TENANT_ID, or the account's tenant_id.",
    50194: "The application is for one tenant only: set AZURE_TENANT_ID to that tenant's id.",
    50011: "Add the value of AZURE_REDIRECT_URI to the redirect URIs of the app registration, exactly.",
    90094: "An administrator of the tenant must consent to the application's permissions.",
    65001: "The person, or an administrator, has not consented to the permissions: sign in again and accept.",
    50057: "The person's account is disabled in its directory: its administrator must enable it.",
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
    70043: "The tenant's sign-in frequency policy asks for it: the person must sign in again.",
    700084: (
        "Tokens of a single-page application end after 24 hours: register the redirect URI under Web or under"
        " Mobile and desktop; the person then signs in again."
    ),
    54005: "The code was already redeemed: start the sign-in again.",
    50196: (
        "Too many identical requests came from this application: let every process share one database, and"
        " please report it as a fault of iacs."
    ),
    "access_denied": "The person, or a policy of the tenant, declined: start the sign-in again to go on.",
    "authorization_declined": "The person declined: start the sign-in again to go on.",
    "expired_token": "The code was not entered in time: start the sign-in again.",
    "bad_verification_code": "The device code is not known any more: start the sign-in again.",
}
