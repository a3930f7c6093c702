"""Secrets inside text, recognised by the names before them or by their form.

Every search takes linear time.
"""

import re

from iacs.redaction.names import AMBIGUOUS, REDACTED, is_plural, is_secret_name

LONGEST_TEXT = 32_768
"""The number of characters after which a text is truncated."""

_NAME = re.compile(r"""(?<![\w-])([\w-]+)(\\*["'])?\s{0,4}([=:]|%3[Dd])\s{0,4}""")
_SCHEMES = r"bearer|basic|digest|negotiate|pop"
_QUOTED = re.compile(
    r"""([bru]{0,2}(?P<quote>\\*["']))(?:(?!(?P=quote))(?:\\.|.))*+((?P=quote))?""", re.DOTALL | re.IGNORECASE
)
_NEXT_PAIR = r";(?=\s{0,4}[\w -]{1,64}=)"
_BARE = re.compile(
    rf"""[\w.]*+[(\[{{][^\r\n]*|(?:(?:{_SCHEMES})\s{{1,4}})?(?:(?!{_NEXT_PAIR})[^\s&"'<>])+""", re.IGNORECASE
)
_PROSE = re.compile(r"(?:is|are|was|has|must|should|may|can|cannot|not)\b")
_LINE = re.compile(r"[^\r\n]+")
_COUNT = re.compile(r"\d{1,9}(?![\w.-])")

_BEARER = re.compile(r"""(?i)(bearer(?:\s|%20|\+){1,4})(?!\w+=["\w])[\w.~+/=-]{6,}""")
_BASIC = re.compile(r"(?i)(\bbasic(?:\s|%20|\+){1,4})(?-i:(?=\w[a-z+/_-]*[A-Z0-9=]))[\w+/-]{8,}={0,2}")
_PORT = r"""\d{1,5}(?![^\s/?#"'<>,;)\]}])"""
_URL_PASSWORD = re.compile(rf"(://(?!\[)[^\s:/@?#]{{0,256}}):(?!{_PORT})\S{{1,1024}}@")
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----).*?(?:(-----END [A-Z ]{0,40}PRIVATE KEY-----)|\Z)", re.DOTALL
)
_RUN = re.compile(r"[\w.-]{20,}")
_FERNET_KEY = re.compile(r"(?<![\w=+/-])(?![a-zA-Z]{43})[\w+/-]{43}=(?![\w=])")
_TOKENS = (
    ("Q~", re.compile(r"[\w.~-]{2,3}\dQ~[\w.~-]{20,}")),  # a client secret of Entra ID
    (".A", re.compile(r"(?<![\w.~-])[01]\.A[\w.~-]{40,}")),  # a refresh token or a code of Entra ID
    ("gh", re.compile(r"\bgh[oprsu]_\w{20,}")),
    ("AIza", re.compile(r"\bAIza[\w-]{30,}")),
    ("xox", re.compile(r"\bxox[abeoprs]-[\w-]{10,}")),
)


def redact_text(text: str, *, names: bool = True) -> str:
    """Return text without secrets; if `names` is false, only secrets with a recognisable form are removed."""
    length = len(text)
    text = text[
        : 4 * LONGEST_TEXT
    ]  # more than is shown, so that no secret at the end is cut into an unknown form
    if names and ("=" in text or ":" in text or "%3" in text):
        text = _redact_pairs(text)
    text = _redact_shapes(text)
    if length <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({length - LONGEST_TEXT} more characters)"


def _redact_shapes(text: str) -> str:
    """Remove secrets by their form; each search runs only if its mark occurs, since most texts have no secret."""
    lowered = text.lower()
    if "bearer" in lowered:
        text = _BEARER.sub(rf"\1{REDACTED}", text)
    if "basic" in lowered:
        text = _BASIC.sub(rf"\1{REDACTED}", text)
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1:{REDACTED}@", text)
    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub(rf"\1{REDACTED}\2", text)
    if len(text) >= 20:
        text = _redact_tokens(text)
    return text


def _redact_tokens(text: str) -> str:
    for mark, token in _TOKENS:
        if mark in text:
            text = token.sub(REDACTED, text)
    if "eyJ" in text or "gAAAA" in text:
        text = _RUN.sub(_redact_run, text)
    return _FERNET_KEY.sub(REDACTED, text) if "=" in text else text


def _redact_pairs(text: str) -> str:
    shown, end = [], 0
    for pair in _NAME.finditer(text):
        value = _secret_value(text, pair) if pair.start() >= end else None
        if value is not None:
            quotes = value.groups("") if value.re is _QUOTED else ("", "", "")
            shown += [text[end : pair.end()], f"{quotes[0]}{REDACTED}{quotes[2]}"]
            end = value.end()
    return "".join([*shown, text[end:]])


def _secret_value(text: str, pair: re.Match[str]) -> re.Match[str] | None:
    """Return the secret that follows a name in the text.

    `state: ready` and `TOKEN: must be set` are prose; `state=…`, `"state": …` and `token: …` are not.
    """
    start, end = pair.start(), pair.end()
    name = pair[1][2:] if text[start - 1 : start] == "%" else pair[1]
    if not (is_secret_name(name) or _is_key_of_query(name, text, pair)) or text.startswith(REDACTED, end):
        return None
    header = pair[3] == ":" and pair[2] is None
    if header and (name.lower() in AMBIGUOUS or _PROSE.match(text, end)):
        return None
    if is_plural(name) and _COUNT.match(text, end):
        return None
    if header and name.lower().endswith("cookie"):
        return _LINE.match(text, end)
    return _QUOTED.match(text, end) or _BARE.match(text, end)


def _is_key_of_query(name: str, text: str, pair: re.Match[str]) -> bool:
    """Return whether this is `?key=…`, the key of an API, and not the key of an event."""
    return (
        name.lower() == "key" and pair[3] != ":" and text[pair.start() - 1 : pair.start()] in ("?", "&", "%")
    )


def _redact_run(run: re.Match[str]) -> str:
    """Truncate a run of characters where a JWT (`eyJ….….…`) or a Fernet token (`gAAAA…`) begins."""
    text = run[0]
    jwt, fernet = text.find("eyJ"), text.find("gAAAA")
    if jwt >= 0 and 0 <= text.find(".", jwt + 8) < len(text) - 1:
        return text[:jwt] + REDACTED
    if fernet >= 0 and len(text) - fernet >= 40:
        return text[:fernet] + REDACTED
    return text
