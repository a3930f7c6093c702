r"""Text that is safe for a terminal: control characters are written as escapes, such as \x1b."""

import json
import re

# C0, DEL and C1 move the cursor or worse; bidirectional controls reorder the text around them; line and paragraph
# separators forge lines; lone surrogates cannot be encoded.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_LINES = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def safe_for_terminal(text: str, *, newlines: bool = False) -> str:
    r"""Return `text` with control characters escaped; with `newlines`, \n is kept."""
    unsafe = _UNSAFE_IN_LINES if newlines else _UNSAFE
    return unsafe.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def safe_json(document: str) -> str:
    r"""Return a one-line JSON document with these characters as JSON escapes, such as \u001b."""
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], document)
