"""The `claims` parameter: the capabilities of this client, merged with the challenge of a resource."""

import json
from base64 import urlsafe_b64decode

from iacs.core.exceptions import MalformedResponseError


def decode_challenge(text: str) -> str:
    """Return the JSON of a claims challenge, which `WWW-Authenticate` carries in base64 of either alphabet.

    One that is JSON already is returned as it is. Raises MalformedResponseError when it is not an object.
    """
    try:
        if not text.lstrip().startswith("{"):
            in_url = text.replace("+", "-").replace("/", "_").rstrip("=")
            text = urlsafe_b64decode(f"{in_url}==").decode()
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise MalformedResponseError(
            "Microsoft Graph sent a claims challenge that is not JSON", status=401, hint="try again later"
        )
    return text


def merge_claims(claims: str = "") -> str:
    """Return a claims parameter that declares cp1 beside a challenge (entra-docs' claims-challenge).

    Only a client that declares cp1 is notified of a revoked session before its token expires.
    """
    merged = json.loads(decode_challenge(claims)) if claims else {}
    for_access = merged.get("access_token")
    declared = {"xms_cc": {"values": ["cp1"]}}
    merged["access_token"] = {**for_access, **declared} if isinstance(for_access, dict) else declared
    return json.dumps(merged, separators=(",", ":"))
