"""The properties of a message are exactly what its file says."""

from typing import Any

import pytest

from iacs.sandbox.mail.addresses import parse_addresses
from iacs.sandbox.mail.dates import graph_text, parse_date
from iacs.sandbox.mail.headers import decoded
from iacs.sandbox.mail.preview import html_to_text
from iacs.sandbox.mail.properties import read_properties


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 01 Sep 2026 09:58:07 +0200", "2026-09-01T07:58:07Z"),
        ("1 Sep 2026 09:58 -0700 (PDT)", "2026-09-01T16:58:00Z"),
        ("Tue,  1 Sep 02 09:58:07 EDT", "2002-09-01T13:58:07Z"),
        ("1 Sep 102 00:00:00 GMT", "2002-09-01T00:00:00Z"),
        ("1 Sep 68 00:00:00 GMT", "1968-09-01T00:00:00Z"),
        ("Mon, 16 Sep 2002 03:27:38 (GMT)", "2002-09-16T03:27:38Z"),
        ("31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"),
        ("Tue, 1 Sep 2026 09:58:07 -0000", "2026-09-01T09:58:07Z"),
        ("Wed, 01 Sep 2026 09:58:07 +0200", "2026-09-01T07:58:07Z"),
        ("Tue, 1 Sep 2026 09:58:07", None),
        ("Tue, 1 Sep 2026 09:58:07 CET", None),
        ("Tue Sep  1 09:58:07 2026", None),
        ("31 Feb 2026 00:00:00 +0000", None),
        ("1 Foo 2026 00:00:00 +0000", None),
        ("1 Sep 2026 25:00:00 +0000", None),
        ("1 Sep 2026 00:00:61 +0000", None),
        ("1 Sep 2026 00:00:00 +0099", None),
        ("1 Jan 0001 00:00:00 +0100", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_given_in_utc_or_not_at_all(value: str, expected: str | None) -> None:
    assert graph_text(parse_date(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvA==?= =?utf-8?b?w59l?=", "Grüße"),
        ("=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?=", "Grüße"),
        ("=?iso-8859-1?q?caf=E9_?= au =?utf-8*fr?q?lait?=", "café  au lait"),
        ("=?x-nobody?q?a=E9b?=", "a\ufffdb"),
        ("=?utf-8?q?=FF?=", "\ufffd"),
        ("=?utf-8?b?****?=", "=?utf-8?b?****?="),
        ("=?utf-8?q?with spaces?=", "with spaces"),
        ("a=?utf-8?q?b?=c", "abc"),
        ("=?rot13?q?abc?=", "abc"),
        ("=?utf-8?b?R3LDvA?=", "Grü"),
    ],
)
def test_encoded_words_are_read(value: str, expected: str) -> None:
    assert decoded(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@b.example", [(None, "a@b.example")]),
        ("<a@b.example>", [(None, "a@b.example")]),
        ("Ann <a@b.example>, b@b.example", [("Ann", "a@b.example"), (None, "b@b.example")]),
        ('"Team, \\"X\\"" <a@b.example>', [('Team, "X"', "a@b.example")]),
        ("a@b.example (Ann (the first))", [("Ann (the first)", "a@b.example")]),
        (
            "Friends: a@b.example, b@b.example;, c@b.example",
            [(None, "a@b.example"), (None, "b@b.example"), (None, "c@b.example")],
        ),
        ("undisclosed-recipients:;", []),
        ("ann at b.example", [("ann at b.example", None)]),
        ('"a b"@b.example', [(None, '"a b"@b.example')]),
        ("=?utf-8?q?J=C3=B6rg?= <j@b.example>", [("Jörg", "j@b.example")]),
        ("Ann   Lee <>", [("Ann Lee", None)]),
        ("Ann <a@b.example", [("Ann", "a@b.example")]),
        ("root", [(None, "root")]),
        ("", []),
        (" , ,", []),
        ("=?koi8-r?b?8sXL?=", [("Рек", None)]),
    ],
)
def test_addresses_are_returned_unchanged(value: str, expected: list[tuple[str | None, str | None]]) -> None:
    addresses = [person["emailAddress"] for person in parse_addresses(value)]
    assert [(address["name"], address["address"]) for address in addresses] == expected


LACKING: list[tuple[str, Any]] = [
    ("from", None), ("sender", None), ("subject", None), ("sentDateTime", None), ("receivedDateTime", None),
    ("internetMessageId", None), ("conversationId", None), ("toRecipients", []), ("categories", []),
    ("hasAttachments", False), ("importance", "normal"), ("isRead", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), LACKING)
def test_what_a_message_lacks_is_null(name: str, expected: object) -> None:
    assert read_properties(b"X-Nothing: here\n\ntext\n")[name] == expected


def test_the_received_field_on_top_says_when_it_arrived() -> None:
    raw = b"Received: from a by b; Tue, 1 Sep 2026 10:00:00 +0200\nReceived: from x by a; Mon, 31 Aug 2026 10:00:00 +0200\n\n"
    assert read_properties(raw)["receivedDateTime"] == "2026-09-01T08:00:00Z"


@pytest.mark.parametrize(
    ("raw", "kind", "content"),
    [
        (b"\nplain\r\ntext\n", "text", "plain\r\ntext\n"),
        (b"Content-Type: text/html\n\n<p>x", "html", "<p>x"),
        (b"Content-Type: text/plain; charset=utf-8\n\n\xc3\xa9\xff", "text", "é\ufffd"),
        (b"\n\xc3\xa9", "text", "\ufffd\ufffd"),
        (b"Content-Type: text/plain; charset=iso-8859-15\nContent-Transfer-Encoding: base64\n\npA==", "text", "€"),
        (b"Content-Type: text/plain; charset=x-nobody\n\na\xe9", "text", "a\ufffd"),
        (b"Content-Type: text/plain; charset=utf-7\n\n+2AA-", "text", "\ufffd"),
        (b"Content-Type: text/plain\n\na\0b", "text", "a\0b"),
        (b"Content-Type: multipart/mixed\n\nno boundary", "text", "no boundary"),
        (b"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<i>x</i>\n--b\n\nx\n--b--", "html", "<i>x</i>"),
    ],
)  # fmt: skip
def test_the_body_is_html_if_there_is_one_else_text(raw: bytes, kind: str, content: str) -> None:
    assert read_properties(raw)["body"] == {"contentType": kind, "content": content}


def test_a_message_that_is_only_a_file_has_no_body() -> None:
    properties = read_properties(b"Content-Type: application/pdf; name=a.pdf\n\n%PDF")
    assert (properties["body"], properties["bodyPreview"], properties["hasAttachments"]) == (None, None, True)


def test_headers_are_complete_even_with_raw_utf8() -> None:
    properties = read_properties(
        "Subject: naïve\n\tcafé\nX-Odd: \udcff\n\n".encode("utf-8", "surrogateescape")
    )
    assert properties["subject"] == "naïve\tcafé"
    assert properties["internetMessageHeaders"][1] == {"name": "X-Odd", "value": "\ufffd"}


def test_html_is_read_without_what_nobody_sees() -> None:
    html = "<head><title>t</title></head><style>p{}</style><p>A &amp;\n B</p><!-- no --><p>C&nbsp;D<br>E<script>x"
    assert html_to_text(html) == "A & B\nC\xa0D\nE"
