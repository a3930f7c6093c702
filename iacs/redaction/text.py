"""Find secrets in names and inside text. Every search takes time in proportion to the text."""

import re
from functools import lru_cache

REDACTED = "[redacted]"
LONGEST_TEXT = 32_768
"""Characters; what follows is cut off and counted."""

_SECRET_ENDINGS = (
    *("token", "secret", "password", "passwd", "passphrase", "pwd", "credential", "cookie", "authorization"),
    *("assertion", "codeverifier", "jwt", "apikey", "privatekey", "secretkey", "encryptionkey", "accesskey"),
    *(
        "accountkey",
        "signingkey",
        "masterkey",
        "connectionstring",
        "authcode",
        "authorizationcode",
        "devicecode",
    ),
)
_SECRET_NAMES = frozenset({"auth", "code", "key", "nonce", "state"})
_PLACES_IN_A_LIST = ("deltatoken", "skiptoken", "pagetoken", "synctoken", "continuationtoken")

_NAME = re.compile(r"""(?<![\w-])([\w-]+)(\\*["'])?\s{0,4}([=:]|%3[Dd])\s{0,4}""")
_SCHEMES = r"bearer|basic|digest|negotiate|pop"
_QUOTED = re.compile(
    r"""([bru]{0,2}(?P<quote>\\*["']))(?:(?!(?P=quote))(?:\\.|.))*+((?P=quote))?""", re.DOTALL | re.IGNORECASE
)
_BARE = re.compile(rf"""[\w.]*+[(\[{{][^\r\n]*|(?:(?:{_SCHEMES})\s{{1,4}})?[^\s&"'<>]+""", re.IGNORECASE)
_PROSE = re.compile(r"(?:is|are|was|has|must|should|may|can|cannot|not)\b")
_LINE = re.compile(r"[^\r\n]+")

_BEARER = re.compile(r"""(?i)(bearer(?:\s|%20|\+){1,4})(?!\w+=["\w])[\w.~+/=-]{6,}""")
_PORT = r"""\d{1,5}(?![^\s/?#"'<>,;)\]}])"""
_URL_PASSWORD = re.compile(rf"(://(?!\[)[^\s:/@?#]{{0,256}}):(?!{_PORT})\S{{1,1024}}@")
_RUN = re.compile(r"[\w.-]{20,}")


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Say whether a name, such as `accessToken`, `X-Api-Key`, `code` or `PASSWORD2`, announces a secret."""
    letters = re.sub(r"[^a-z]", "", name[-64:].lower()).removesuffix("s")
    if letters.endswith(_PLACES_IN_A_LIST):
        return False
    return letters in _SECRET_NAMES or letters.endswith(_SECRET_ENDINGS)


def redact_text(text: str, *, names: bool = True) -> str:
    """Return text without the secrets in it; without `names` only what is a secret by its shape is sought."""
    length = len(text)
    text = text[: 4 * LONGEST_TEXT]  # longer than what is shown: no secret is cut into an unknown shape
    if names and ("=" in text or ":" in text or "%3" in text):
        text = _redact_pairs(text)
    text = _redact_shapes(text)
    if length <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({length - LONGEST_TEXT} more characters)"


def _redact_shapes(text: str) -> str:
    """Search only for what can be there: most texts are short and hold nothing."""
    if "bearer" in text.lower():
        text = _BEARER.sub(rf"\1{REDACTED}", text)
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1:{REDACTED}@", text)
    if "eyJ" in text or "gAAAA" in text:
        text = _RUN.sub(_redact_run, text)
    return text


def _redact_pairs(text: str) -> str:
    shown, end = [], 0
    for pair in _NAME.finditer(text):
        value = _secret_value(text, pair) if pair.start() >= end else None
        if value is not None:
            shown += [text[end : pair.end()], _replacement(value)]
            end = value.end()
    return "".join([*shown, text[end:]])


def _secret_value(text: str, pair: re.Match[str]) -> re.Match[str] | None:
    """Return the secret that a name in the text announces.

    `state: ready` and `TOKEN: must be set` are prose; `state=…`, `"state": …` and `token: …` are not.
    """
    name = pair[1][2:] if text[pair.start() - 1 : pair.start()] == "%" else pair[1]
    if not is_secret_name(name) or text.startswith(REDACTED, pair.end()):
        return None
    header = pair[3] == ":" and pair[2] is None
    if header and (name.lower() in _SECRET_NAMES or _PROSE.match(text, pair.end())):
        return None
    if header and name.lower().endswith("cookie"):
        return _LINE.match(text, pair.end())
    return _QUOTED.match(text, pair.end()) or _BARE.match(text, pair.end())


def _replacement(value: re.Match[str]) -> str:
    if value.re is not _QUOTED:
        return REDACTED
    return f"{value[1]}{REDACTED}{value[3] or ''}"


def _redact_run(run: re.Match[str]) -> str:
    """Cut a run of characters off where a JWT (`eyJ….….…`) or a Fernet token (`gAAAA…`) begins."""
    text = run[0]
    jwt, fernet = text.find("eyJ"), text.find("gAAAA")
    if jwt >= 0 and 0 <= text.find(".", jwt + 8) < len(text) - 1:
        return text[:jwt] + REDACTED
    if fernet >= 0 and len(text) - fernet >= 40:
        return text[:fernet] + REDACTED
    return text
