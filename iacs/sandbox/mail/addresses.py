"""Address lists of RFC 5322, read leniently: text that is not an address is kept as a name."""

import re
from collections.abc import Iterator

from iacs.sandbox.mail.headers import decoded

Recipient = dict[str, dict[str, str | None]]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|<[^<>]*>?|[,;:]|[()]|[^\s"<,;:()]+|\s+', re.DOTALL)
_SEPARATORS, _GROUP = {",", ";"}, {":"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _tokens(value: str) -> Iterator[str]:
    """Yield tokens; a comment, with those nested in it, is one token that begins with '('."""
    depth = 0
    comment: list[str] = []
    for match in _TOKEN.finditer(value):
        word = match[0]
        if depth or word == "(":
            depth += {"(": 1, ")": -1}.get(word, 0)
            comment.append(word)
            if depth:
                continue
            word, comment = "".join(comment), []
        yield word
    if comment:
        yield "".join(comment)


def _entries(value: str) -> Iterator[list[str]]:
    """Yield the tokens of each address; a group's name is dropped, its members are kept."""
    entry: list[str] = []
    for word in _tokens(value):
        if word in _SEPARATORS:
            yield entry
            entry = []
        elif word in _GROUP and not any(part.startswith("<") for part in entry):
            entry = []
        else:
            entry.append(word)
    yield entry


def _unquoted(token: str) -> str:
    if not token.startswith('"'):
        return token
    inner = token[1:-1] if len(token) > 1 and token.endswith('"') else token[1:]
    return _ESCAPED.sub(r"\1", inner)


def _phrase(words: list[str]) -> str:
    """Return a display name: folds and runs of spaces count as one space, except inside quotes."""
    outside = [" " if word.isspace() else _unquoted(word) for word in words]
    start = 1 if outside[:1] == [" "] else 0
    end = -1 if outside[-1:] == [" "] else None
    return "".join(outside[start:end])


def _recipient(tokens: list[str]) -> Recipient | None:
    angle = next((token for token in tokens if token.startswith("<")), None)
    comments = [token[1:].removesuffix(")") for token in tokens if token.startswith("(")]
    words = [token for token in tokens if not token.startswith(("<", "("))]
    plain = "".join(words).strip()
    if angle is not None:
        address, name = angle[1:].removesuffix(">").strip(), _phrase(words)
    elif plain and _is_address(plain):
        address, name = plain, ""
    else:
        address, name = "", plain
    name = decoded(name or " ".join(comments))
    if not address and not name:
        return None
    return {"emailAddress": {"name": name or None, "address": address or None}}


def _is_address(plain: str) -> bool:
    """Return whether the text is an address and not a name; an encoded word is never part of an address (RFC 2047, 5)."""
    if plain.startswith("=?") and plain.endswith("?="):
        return False
    return not re.search(r"\s", plain) or (plain.startswith('"') and "@" in plain)


def parse_addresses(value: str | None) -> list[Recipient]:
    """Return the addresses of a header field as Graph's recipients; a missing name or address is null."""
    entries = _entries(value or "")
    return [recipient for tokens in entries if (recipient := _recipient(tokens))]
