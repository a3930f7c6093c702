import html
import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from iacs.redaction import redact_foreign

JWT = "eyJ0eXAiOiJKV1QiLCJub25j.eyJhdWQiOiIwMDAwMDAwMy0wMDAw.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
OPAQUE = "EwB4A8l6BAAU+x/Y" + "aB3+cd9Z" * 12 + "=="
SHORT = "open s3same/+&<"
SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.upper,
    quote,
    lambda secret: quote(secret, safe=""),
    lambda secret: quote(quote(secret, safe="")),
    quote_plus,
    html.escape,
    lambda secret: json.dumps(secret)[1:-1],
    lambda secret: json.dumps(secret)[1:-1].replace("/", r"\/"),
    lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    lambda secret: "".join(f"\\u{ord(x):04X}" if x in "+&<=/" else x for x in secret),
    lambda secret: b64encode(secret.encode()).decode(),
    lambda secret: b64encode(f"x{secret}".encode()).decode(),
    lambda secret: urlsafe_b64encode(f"client:{secret}y".encode()).decode(),
    lambda secret: secret.encode().hex(),
]
PARTS: list[Callable[[str], str]] = [
    lambda secret: secret[:30],
    lambda secret: secret[-30:],
    lambda secret: "\r\n ".join(secret[start : start + 40] for start in range(0, len(secret), 40)),
]


@pytest.mark.parametrize("secret", [JWT, OPAQUE, SHORT])
@pytest.mark.parametrize("spell", SPELLINGS)
def test_a_secret_that_was_sent_is_removed_in_every_spelling(
    secret: str, spell: Callable[[str], str]
) -> None:
    spelled = spell(secret)
    shown = redact_foreign(f"refused {spelled} here", [secret])
    assert shown.startswith("refused ")
    assert shown.endswith(" here")
    assert not pieces(spelled, 12) & pieces(shown, 12)


@pytest.mark.parametrize("secret", [JWT, OPAQUE])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_secret_is_removed_too(secret: str, part: Callable[[str], str]) -> None:
    shown = redact_foreign(f"refused {part(secret)} here", [secret])
    assert not pieces(secret, 12) & pieces(shown, 12)


def pieces(text: str, size: int) -> set[str]:
    return {text[start : start + size] for start in range(len(text) - size + 1)} - {"[redacted]"}


@pytest.mark.parametrize("unknown", [JWT, OPAQUE, f"Bearer {SHORT[5:]}", "Basic dXNlcjpvcGVu", "a1B" * 40])
def test_what_looks_like_a_token_is_removed_unknown(unknown: str) -> None:
    assert unknown.split(" ")[-1] not in redact_foreign(f"refused '{unknown}' here")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The specified object was not found in the store.",
        f"no item AAMkAGI2{'xY9_' * 30}=",
        f"see https://graph.example/v1.0/me/mailFolders/AAMkAGI2{'xY9-' * 20}/messages/delta?$top=10",
        "request 7c1f5a3e-2f0b-4b6e-9d3a-7f0c0e1d2b3a at 2026-11-25T03:45:20Z",
    ],
)
def test_other_words_of_a_server_are_kept(text: str) -> None:
    assert redact_foreign(text, [JWT, OPAQUE, SHORT, ""]) == text


def test_a_long_answer_costs_little() -> None:
    start = time.process_time()
    redact_foreign("aB3+/x" * 20_000, [OPAQUE * 20])
    assert time.process_time() - start < 2
