"""The plain text of an html body, for previews and for clients that request text."""

import re
from html import unescape

from iacs.sandbox.mail.text import without_surrogates

_TAG = re.compile(r"<[^<>]*>")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
_INVISIBLE = {"<head": "</head", "<style": "</style", "<script": "</script", "<!--": "--"}
_INVISIBLE_START = re.compile("|".join(_INVISIBLE), re.IGNORECASE)


def _visible(html: str) -> str:
    """Remove invisible elements; one that is not closed extends to the end."""
    kept, position, lower = [], 0, html.lower()
    while start := _INVISIBLE_START.search(html, position):
        kept.append(html[position : start.start()])
        end = lower.find(_INVISIBLE[start[0].lower()], start.end())
        if end < 0:
            return "".join(kept)
        position = html.find(">", end) + 1 or len(html)
    return "".join([*kept, html[position:]])


def html_to_text(html: str) -> str:
    """Return the visible text, with a line per block."""
    spaced = _BREAK.sub("\n", _SPACE.sub(" ", _visible(html)))
    plain = unescape(_TAG.sub("", spaced))
    return without_surrogates(_LINES.sub("\n", plain)).strip(" \n")


def preview(body: dict[str, str] | None) -> str | None:
    """Return the first 255 characters of the body; None without one."""
    if body is None:
        return None
    plain = html_to_text(body["content"]) if body["contentType"] == "html" else body["content"]
    return plain[:255]
