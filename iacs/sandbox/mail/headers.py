"""Header fields: unfolded, with RFC 2047 encoded words decoded."""

import base64
import binascii
import re
from collections.abc import Iterator
from email.message import Message
from itertools import groupby

from iacs.sandbox.mail.text import decode, decode_raw

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,100})\?([bBqQ])\?([^?]*)\?=")
_FOLD = re.compile(r"\r\n|\r|\n")
_BETWEEN = re.compile(r"[ \t\r\n]*")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")


def fields(message: Message) -> Iterator[tuple[str, str]]:
    """Yield name and value as in the file: unfolded, bytes as UTF-8, encoded words untouched."""
    for name, value in message.raw_items():
        yield _text(name), _FOLD.sub("", _text(str(value))).lstrip(" \t")


def first(message: Message, name: str) -> str | None:
    """Return the raw value of the first field of a name; None without one."""
    key = name.lower()
    return next((value for field, value in fields(message) if field.lower() == key), None)


def _text(value: str) -> str:
    """Undo the parser's surrogate escapes, which stand for the bytes of the file."""
    return decode_raw(value.encode("ascii", "surrogateescape")) if not value.isascii() else value


def _base64(text: str) -> bytes | None:
    compact = re.sub(r"[ \t\r\n]", "", text).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _word(match: re.Match[str]) -> tuple[str, bytes] | None:
    """Return charset and bytes; None for a malformed word, which is kept unchanged."""
    charset = match[1].partition("*")[0].lower()
    if match[2] in "bB":
        data = _base64(match[3])
    else:
        data = _HEX.sub(lambda code: bytes.fromhex(code[1].decode()), match[3].replace("_", " ").encode())
    return None if data is None else (charset, data)


def _pieces(value: str) -> Iterator[tuple[str, str | bytes]]:
    """Yield plain text with the charset '', and the bytes of encoded words with theirs."""
    end, after_word = 0, False
    for match in _ENCODED_WORD.finditer(value):
        word = _word(match)
        if word is None:
            continue
        gap = value[end : match.start()]
        if gap and not (after_word and _BETWEEN.fullmatch(gap)):
            yield "", gap
        yield word
        end, after_word = match.end(), True
    if value[end:]:
        yield "", value[end:]


def decoded(value: str) -> str:
    """Return the decoded text; a character may be split across adjacent words of one charset."""
    parts: list[str] = []
    for charset, run in groupby(_pieces(value), key=lambda piece: piece[0]):
        data = [piece for _, piece in run]
        if charset:
            parts.append(decode(b"".join(part for part in data if isinstance(part, bytes)), charset))
        else:
            parts.extend(part for part in data if isinstance(part, str))
    return "".join(parts)
