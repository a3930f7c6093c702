"""The names that denote a secret; no other module decides this.

A secret is anything that grants access: passwords, tokens, keys, cookies, signatures of URLs, connection
strings, and codes that can be exchanged for a token. A name denotes one by its ending, in any spelling:
`access_token`, `accessToken`, `X-Api-Key` and `CLIENT_SECRET_2` do; `token_type`, `key_id` and
`password_policy` do not. Words that only describe the form of the value, as in `token_value` or
`password_hash`, are skipped.

These stay visible, since operators search for them:

- `key` and the keys of lookups, such as `partition_key`, `event_key` and `public_key`; but in the
  query of a URL, `key` is a secret
- codes that classify, such as `codes` (AADSTS numbers), `error_code` and `status_code`; `code` alone is the
  authorization code
- words of state, such as `status` and `sync_state`; `state` alone is OAuth's
- positions in a list: `$deltatoken`, `$skiptoken`, `next_page_token`
- counts: `max_tokens`, and a number under any plural, such as `tokens`
- None, the empty text and booleans: the absence of a secret is not secret

A name that can mean both is hidden.
"""

import re
from functools import lru_cache

REDACTED = "[redacted]"
"""The text that is shown instead of a secret, everywhere."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_KEYS = (
    *("access", "account", "admin", "aes", "api", "app", "application", "auth", "client", "cookie", "crypto"),
    *(
        "decryption",
        "deploy",
        "ecdsa",
        "encryption",
        "fernet",
        "function",
        "functions",
        "hmac",
        "jwt",
        "license",
    ),
    *("licence", "master", "pass", "private", "recovery", "root", "rsa", "secret", "security", "server"),
    *("service", "session", "shared", "signature", "signing", "ssh", "ssl", "storage", "subscription"),
    *("symmetric", "tls", "token", "webhook", "wrapping"),
)
_CODES = (
    *("access", "activation", "auth", "authentication", "authorisation", "authorization", "backup"),
    *("confirmation", "device", "exchange", "grant", "invitation", "invite", "login", "mfa", "oauth", "otp"),
    *("pairing", "pass", "pin", "recovery", "reset", "scratch", "security", "signin", "sms", "time", "totp"),
    *("factor", "unlock", "user", "verification"),
)
_ENDINGS = (
    *("token", "secret", "password", "passwd", "passphrase", "passwort", "pwd", "credential", "cookie"),
    *("authorization", "authorisation", "assertion", "signature", "verifier", "samlresponse", "bearer"),
    *("basicauth", "httpauth", "proxyauth", "smtpauth", "tempauth", "oauthstate", "authstate"),
    *("connectionstring", "connectionstr", "connstring", "connstr", "sessionid", "sessid", "sessionticket"),
    *("webhookurl", "webhookuri", "signedurl", "signeduri", "sasurl", "sasuri", "magiclink"),
    *("recoveryphrase", "seedphrase", "mnemonic"),
    *(f"{word}key" for word in _KEYS),
    *(f"{word}code" for word in _CODES),
)
_LAST_WORDS = frozenset(
    {
        *(
            "auth",
            "csrf",
            "cvc",
            "cvv",
            "dsn",
            "hmac",
            "jwe",
            "jws",
            "jwt",
            "nonce",
            "otp",
            "pass",
            "pat",
            "pem",
        ),
        *("pepper", "pfx", "pin", "private", "psk", "pw", "salt", "sas", "sig", "totp", "xsrf"),
    }
)
AMBIGUOUS = frozenset({"auth", "code", "nonce", "pass", "private", "state"})
"""Names that denote a secret alone or before `=`; before a colon in prose they are ordinary words."""

_POSITIONS = tuple(f"{word}token" for word in ("delta", "skip", "page", "sync", "continuation", "next"))
_COUNTING = frozenset(
    {
        *("cached", "completion", "context", "input", "limit", "max", "maximum", "min", "minimum", "num"),
        *("number", "output", "prompt", "reasoning", "remaining", "total", "used"),
    }
)
_FORMS = frozenset(
    {
        *("again", "b", "backup", "base", "bytes", "confirm", "confirmation", "current", "data", "default"),
        *(
            "dev",
            "digest",
            "encoded",
            "encrypted",
            "hash",
            "header",
            "hex",
            "live",
            "local",
            "new",
            "old",
            "plain",
        ),
        *(
            "plaintext",
            "previous",
            "primary",
            "prod",
            "production",
            "raw",
            "repeat",
            "secondary",
            "sha",
            "staging",
        ),
        *("str", "string", "test", "text", "val", "value"),
    }
)
"""Last words that describe the form or the use of a value."""


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Return whether a name, such as `accessToken`, `X-Api-Key`, `code` or `PASSWORD2`, denotes a secret."""
    words = [word.lower() for word in _WORD.findall(name[-64:])]
    while words:
        if _denotes_secret(words):
            return True
        if words[-1] not in _FORMS:
            return False
        words.pop()
    return False


def _denotes_secret(words: list[str]) -> bool:
    letters, last = "".join(words), words[-1]
    one = letters.removesuffix("s")
    if one.endswith(_POSITIONS) or (last == "tokens" and not _COUNTING.isdisjoint(words)):
        return False
    if letters in ("code", "state") or not _LAST_WORDS.isdisjoint((last, last.removesuffix("s"))):
        return True
    return letters.endswith(_ENDINGS) or one.endswith(_ENDINGS)


def is_secret(name: str, value: object) -> bool:
    """Return whether `value` is a secret because of its name."""
    if value is None or value == "" or isinstance(value, bool) or not is_secret_name(name):
        return False
    return not (isinstance(value, int) and is_plural(name))


def is_plural(name: str) -> bool:
    """Return whether the name of a secret is a plural, so that a number of that name is a count."""
    last = re.sub(r"[^a-zA-Z]+$", "", name)
    return last[-1:] in ("s", "S") and is_secret_name(last[:-1])


def hides_itself(value: object) -> bool:
    """Return whether a value hides its content, as pydantic's SecretStr does."""
    return hasattr(type(value), "get_secret_value")
