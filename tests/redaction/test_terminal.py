import json

import pytest

from iacs.redaction import safe_for_terminal, safe_json

UNSAFE = [
    *(
        "\x00",
        "\t",
        "\n",
        "\r",
        "\x1b",
        "\x7f",
        "\x85",
        "\x9b",
        "\u061c",
        "\u200e",
        "\u2028",
        "\u2029",
        "\u202e",
    ),
    *("\u2066", "\u2069", "\ud800"),
]


@pytest.mark.parametrize("letter", UNSAFE)
def test_what_a_terminal_acts_on_is_written_as_an_escape(letter: str) -> None:
    shown = safe_for_terminal(f"a{letter}b")
    assert shown == f"a{letter.encode('unicode_escape').decode()}b"
    assert shown.isprintable()


@pytest.mark.parametrize(
    "text", ["", "caf\xe9", "\u6f22\u5b57", "\U0001f469\u200d\U0001f680", "a b\xa0c", "\\x1b"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_for_terminal(text) == text


def test_newlines_stay_where_they_are_wanted() -> None:
    assert safe_for_terminal("a\nb\x1b\r", newlines=True) == "a\nb\\x1b\\r"


def test_json_keeps_its_meaning() -> None:
    value = {"a": "\x1b\x7f\x9b\u202e\u2028"}
    shown = safe_json(json.dumps(value, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == value
