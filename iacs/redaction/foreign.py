"""Text from outside, such as a server's error message, which may quote the request that it answers.

The secrets of that request are removed in any encoding, also if they are truncated or wrapped, and so is
anything that looks like a token.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from operator import itemgetter
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import quote, quote_plus

from iacs.redaction.names import REDACTED
from iacs.redaction.text import redact_text

_PIECE = 16
"""The number of consecutive characters of a known secret that are removed: a server may quote only a part."""
_SHORTEST = 3
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)  # str.lower() can change a text's length

_LONG_RUN = re.compile(r"[\w.~+/=%-]{80,}")
_LONG_SEGMENT = 40
_OUTLOOK_ID = re.compile(r"A[AQ]Mk")
"""The beginning of ids of messages and folders, which are as long as tokens but not secret."""


def redact_foreign(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without `secrets` in any encoding, and without anything that looks like a token."""
    text = redact_text(_without(text, secrets))
    return _LONG_RUN.sub(lambda run: REDACTED if _is_opaque(run[0]) else run[0], text)


def _is_opaque(run: str) -> bool:
    """Return whether a run of characters, perhaps a path, has a segment that is long and looks random."""
    kinds = (str.isdigit, str.islower, str.isupper)
    segments = [part for part in run.split("/") if len(part) >= _LONG_SEGMENT and not _OUTLOOK_ID.match(part)]
    return any(all(any(map(kind, segment)) for kind in kinds) for segment in segments)


def _without(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without every piece of a secret that is at least `_PIECE` characters long."""
    pieces: dict[int, set[str]] = {}
    for spelling in {spelling for secret in secrets for spelling in _spellings(secret)}:
        size = min(len(spelling), _PIECE)
        starts = range(len(spelling) - size + 1) if size >= _SHORTEST else ()
        pieces.setdefault(size, set()).update(spelling[start : start + size] for start in starts)
    searched, hidden = text.translate(_LOWER), bytearray(len(text))
    for size, known in pieces.items():
        for start in range(len(text) - size + 1):
            if searched[start : start + size] in known:
                hidden[start : start + size] = b"\1" * size
    runs = groupby(zip(hidden, text, strict=True), key=itemgetter(0))
    return "".join(REDACTED if secret else "".join(letter for _, letter in run) for secret, run in runs)


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret and its encodings in JSON, HTML, URLs, base64 and hexadecimal, in lower case."""
    in_json = json.dumps(secret)[1:-1]
    quoted = quote(secret, safe="")
    for spelling in (
        *(secret, quoted, quote(secret), quote_plus(secret), quote(quoted), in_json),
        *(in_json.replace("/", r"\/"), json.dumps(in_json)[1:-1], escape(secret)),
        *(
            "".join(letter if letter.isalnum() else form.format(ord(letter)) for letter in secret)
            for form in _FORMS
        ),
        *(secret.encode().hex(), *_in_base64(secret.encode())),
    ):
        yield spelling.translate(_LOWER)


_FORMS = ("\\u{:04x}", "&#{};", "&#x{:x};")


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield the base64 characters that depend only on the secret, for every offset at which it may begin."""
    for before in range(3):
        encoded = b64encode(b"\0" * before + secret).decode()
        alone = encoded[(before * 8 + 5) // 6 : len(encoded) - 4]
        yield from (alone, alone.replace("+", "-").replace("/", "_"), quote(alone, safe=""))
