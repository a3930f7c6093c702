r"""Makes text safe for a terminal: what a terminal would act on is written as an escape, such as \x1b."""

import json
import re

# C0, DEL and C1 move the cursor or worse; the bidirectional controls reorder what is beside them; the line and
# paragraph separators forge lines; lone surrogates cannot be written at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_LINES = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def safe_for_terminal(text: str, *, newlines: bool = False) -> str:
    r"""Return `text` as a terminal or a browser may show it; with `newlines`, \n stays as it is."""
    unsafe = _UNSAFE_IN_LINES if newlines else _UNSAFE
    return unsafe.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def safe_json(document: str) -> str:
    r"""Return a JSON document of one line with the same characters in its texts as JSON escapes, such as \u001b."""
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], document)
