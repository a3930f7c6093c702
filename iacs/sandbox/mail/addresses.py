"""Address lists of RFC 5322, read leniently: text that is no address is kept as a name."""

import re
from collections.abc import Iterator

from iacs.sandbox.mail.headers import decoded

Recipient = dict[str, dict[str, str | None]]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|<[^<>]*>?|[,;:]|[()]|[^\s"<,;:()]+|\s+', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _tokens(value: str) -> Iterator[str]:
    """Yield tokens; a comment, nested ones included, is one token that begins with '('."""
    depth, comment = 0, ""
    for match in _TOKEN.finditer(value):
        token = match[0]
        if depth or token == "(":
            depth += {"(": 1, ")": -1}.get(token, 0)
            comment += token
            if depth:
                continue
            token, comment = comment, ""
        yield token
    if comment:
        yield comment


def _entries(value: str) -> Iterator[list[str]]:
    """Yield the tokens of each address; a group's name is dropped, its members are kept."""
    entry: list[str] = []
    for token in _tokens(value):
        if token in {",", ";"}:
            yield entry
            entry = []
        elif token == ":" and not any(part.startswith("<") for part in entry):
            entry = []
        else:
            entry.append(token)
    yield entry


def _unquoted(token: str) -> str:
    if not token.startswith('"'):
        return token
    inner = token[1:-1] if len(token) > 1 and token.endswith('"') else token[1:]
    return _ESCAPED.sub(r"\1", inner)


def _recipient(tokens: list[str]) -> Recipient | None:
    angle = next((token for token in tokens if token.startswith("<")), None)
    comments = [token[1:].removesuffix(")") for token in tokens if token.startswith("(")]
    words = [token for token in tokens if not token.startswith(("<", "("))]
    plain = "".join(words).strip()
    if angle is not None:
        address, name = angle[1:].removesuffix(">").strip(), "".join(map(_unquoted, words)).strip()
    elif plain and (not re.search(r"\s", plain) or plain.startswith('"') and "@" in plain):
        address, name = plain, ""
    else:
        address, name = "", plain
    name = decoded(name or " ".join(comments)).strip()
    if not address and not name:
        return None
    return {"emailAddress": {"name": name or None, "address": address or None}}


def parse_addresses(value: str | None) -> list[Recipient]:
    """Return every address of a header field, in Graph's shape; a name or address that is missing is null."""
    entries = _entries(value or "")
    return [recipient for tokens in entries if (recipient := _recipient(tokens))]
