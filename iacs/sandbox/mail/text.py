"""Decoding of bytes without guessing: bytes that the declared charset cannot decode become U+FFFD."""

import codecs
import re

_NOT_CHARSETS = {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _codec(charset: str) -> str:
    """Return the name of the codec; an unknown charset counts as ASCII, the default of RFC 2045."""
    try:
        info = codecs.lookup(charset.strip().strip("'\"") or "ascii")
    except (LookupError, ValueError):
        return "ascii"
    is_text = getattr(info, "_is_text_encoding", True)
    return info.name if is_text and info.name.replace("_", "-") not in _NOT_CHARSETS else "ascii"


def decode(data: bytes, charset: str) -> str:
    """Return the text without lone surrogates, which JSON cannot represent."""
    return without_surrogates(data.decode(_codec(charset), "replace"))


def decode_raw(data: bytes) -> str:
    """Return the text of header bytes: UTF-8, as in RFC 6532, with U+FFFD for anything else."""
    return data.decode("utf-8", "replace")


def without_surrogates(text: str) -> str:
    """Return the text with U+FFFD for every code point that UTF-8 cannot encode."""
    return _LONE_SURROGATE.sub("\ufffd", text)
