"""Parameters of Content-Type and Content-Disposition, including RFC 2231.

The parser of the standard library takes quadratic time on hostile input and raises on some charset names.
"""

import re
from email.message import Message
from urllib.parse import unquote_to_bytes

from iacs.sandbox.mail.headers import decoded, first
from iacs.sandbox.mail.text import decode

_PARAMETER = re.compile(r';\s*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _parameters(value: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for match in _PARAMETER.finditer(value[:20_000]):
        text = match[2].strip()
        if len(text) > 1 and text.startswith('"') and text.endswith('"'):
            text = _ESCAPED.sub(r"\1", text[1:-1])
        values.setdefault(match[1].lower(), text)
    return values


def _extended(values: dict[str, str], name: str) -> str | None:
    """Join `name*0*`, `name*1`, … or take `name*`; None if there is no such parameter."""
    numbered: list[tuple[str, bool]] = []
    while (text := values.get(key := f"{name}*{len(numbered)}*", values.get(key[:-1]))) is not None:
        numbered.append((text, key in values))
    pieces = numbered or ([(values[f"{name}*"], True)] if f"{name}*" in values else [])
    if not pieces:
        return None
    charset, quote, rest = pieces[0][0].partition("'") if pieces[0][1] else ("", "", "")
    if quote:
        pieces[0] = (rest.partition("'")[2], True)
    data = b"".join(unquote_to_bytes(text) if encoded else text.encode() for text, encoded in pieces)
    return decode(data, charset or "utf-8")


def parameter(message: Message, header: str, name: str) -> str | None:
    """Return a parameter of a header field, decoded; None if it is missing."""
    values = _parameters(first(message, header) or "")
    extended = _extended(values, name)
    if extended is not None:
        return extended
    return decoded(values[name]) if name in values else None
