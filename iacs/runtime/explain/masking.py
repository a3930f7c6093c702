"""Show a value without the secrets in it: by the name that it stands under, by its type and by its shape."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

from iacs.runtime.picture.places import place_of

MASK = "**********"
_LONGEST = 200
"""Characters; a longer text is cut."""
_MOST = 20
"""Values of a list or mapping; what follows is left out."""
_DEEPEST = 4

_ENDINGS = (
    *("token", "secret", "password", "passwd", "passphrase", "passcode", "pwd", "credential", "cookie"),
    *("authorization", "assertion", "signature", "apikey", "privatekey", "secretkey", "encryptionkey"),
    *("accesskey", "accountkey", "signingkey", "masterkey", "connectionstring"),
)
_WORDS = frozenset({"auth", "dsn", "jwt", "key", "nonce", "otp", "pem", "pin", "private", "salt", "sas"})
_NAMED = "token|secret|password|passwd|passphrase|pwd|credential|key|signature|sig"
_URL_PASSWORD = re.compile(r"(://[^\s/?#:@]*):[^\s/]*@")
_PAIR = re.compile(rf"""(?i)((?:{_NAMED})s?["']?\s*[=:]\s*["']?)[^\s&;,"']+""")
_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_TOKEN = re.compile(r"(?:eyJ|gAAAA)[\w.=-]{20,}")


def is_secret_name(name: str) -> bool:
    """Tell whether a name, such as `apiKey`, `db.password` or `CLIENT_SECRET_2`, announces a secret."""
    words = [word for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name) if word]
    lowered = [word.lower().removesuffix("s") for word in words]
    joined = ["".join(lowered[max(0, end - 2) : end]) for end in range(1, len(lowered) + 1)]
    return not _WORDS.isdisjoint(lowered) or any(each.endswith(_ENDINGS) for each in joined)


def is_secret(value: Any) -> bool:
    """Tell whether a value hides itself, as pydantic's SecretStr does."""
    return hasattr(type(value), "get_secret_value")


def without_secrets(text: str) -> str:
    """Return a text without passwords in addresses, tokens, and what follows a name such as `password=`."""
    text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    text = _HEADER.sub(rf"\1 {MASK}", text)
    return _PAIR.sub(rf"\1{MASK}", _TOKEN.sub(MASK, text))


def shown(name: str, value: Any) -> str:
    """Return the value of `name` as anybody may see it; an object that is no plain value is told by its class."""
    text = _shown(name, value, _DEEPEST)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _shown(name: str, value: Any, depth: int) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str | bytes | list | tuple | set | frozenset | Mapping) and not len(value):
        return "empty"
    if is_secret(value) or is_secret_name(name):
        return MASK
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        return "…" if not depth else _gathered(name, value, depth - 1)
    return _single(value)


def _single(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str | PurePath):
        return without_secrets(str(value))
    if isinstance(value, bool | int | float | complex | Decimal | date | time | timedelta | UUID):
        return str(value)
    return place_of(value) if isinstance(value, type) else f"<{type(value).__qualname__}>"


def _gathered(name: str, value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        pairs = [f"{_single(key)}: {_shown(str(key), each, depth)}" for key, each in _first(value.items())]
        return f"{{{', '.join(pairs)}}}"
    each_shown = [_shown(name, each, depth) for each in _first(value)]
    if isinstance(value, set | frozenset):
        each_shown.sort()
    return f"[{', '.join(each_shown)}]"


def _first(values: Iterable[Any]) -> Iterator[Any]:
    return islice(values, _MOST)
