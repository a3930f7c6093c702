"""The `claims` parameter: what this client can do, merged with what a resource asked for."""

import base64
import json
from typing import Any

from iacs.core.exceptions import MalformedResponseError


def read_challenge(claims: str) -> dict[str, Any]:
    """Read a claims challenge, in JSON or, as `WWW-Authenticate` carries it, in base64."""
    try:
        text = claims if claims.lstrip().startswith("{") else base64.b64decode(claims + "==")
        challenge = json.loads(text) if claims else {}
    except ValueError:
        challenge = None
    if not isinstance(challenge, dict):
        raise MalformedResponseError("Microsoft Graph sent a claims challenge that is not JSON.", status=401)
    return challenge


def merge_claims(claims: str = "") -> str:
    """Return a claims parameter that declares cp1 beside a challenge (entra-docs' claims-challenge).

    Only a client that declares cp1 learns of a revoked session before its token expires.
    """
    merged = read_challenge(claims)
    for_access = merged.get("access_token")
    declared = {"xms_cc": {"values": ["cp1"]}}
    merged["access_token"] = {**for_access, **declared} if isinstance(for_access, dict) else declared
    return json.dumps(merged, separators=(",", ":"))
