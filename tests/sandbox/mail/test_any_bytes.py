"""Whatever the bytes, there is a message, and its JSON can be sent."""

import json
import sysconfig
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iacs.sandbox import Mailbox
from iacs.sandbox.mail.loading import load

in_any_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CORPUS = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
NAMES = ["From", "To", "Date", "Subject", "Content-Type", "Content-Transfer-Encoding", "Received", "Keywords",
         "Content-Disposition", "Message-ID", "References", "X-Priority", "Status", "MIME-Version"]  # fmt: skip
FRAGMENTS = [
    b"=?utf-8?b?", b"=?x?q?=ED=A0=80?=", b"?=", b"=?utf-7?q?+2AA-?=", b"multipart/mixed; boundary=b", b"\n--b\n",
    b"\n--b--\n", b"text/html; charset=\"a\0b\"", b"text/plain; charset*=a\0b''%80", b"base64", b"x-uuencode",
    b"quoted-printable", b"message/rfc822", b"(((", b"<", b">", b"\"", b",;:", b"\xff\xfe", b"\r", b"\n", b"\0",
    b"begin 644 x\n", b"text/plain; charset=utf-7", b"+2AA-", b"text/plain; charset=unicode_escape", b"\\ud800",
    b"Mon, 31 Feb 99999 99:99:99 +9999", b"1 Jan 0001 00:00:00 +2359", b"text/plain; charset=punycode",
    b"; name*0*=''%", b"=", b"%", b"attachment; filename*1=x", b"\n ", b"\xf0\x9f\x98\x80", b"&#xd800;", b"<style",
]  # fmt: skip
bodies = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=20), max_size=12).map(b"".join)
headers = st.lists(
    st.tuples(st.sampled_from(NAMES), bodies).map(lambda pair: pair[0].encode() + b": " + pair[1]), max_size=8
).map(b"\n".join)
messages = st.binary(max_size=300) | st.tuples(headers, bodies).map(b"\n\n".join)


def as_sent(raw: bytes) -> dict[str, object]:
    row = Mailbox("a@b.example").add(raw).as_graph()
    sent = json.dumps(row, ensure_ascii=False).encode("utf-8")
    again: dict[str, object] = json.loads(sent)
    assert again == row
    return again


@in_any_time
@given(messages)
def test_any_bytes_are_a_message(raw: bytes) -> None:
    row = as_sent(raw)
    assert row["id"]


@pytest.mark.parametrize("path", sorted(CORPUS.glob("msg_*.txt")), ids=lambda path: path.stem)
def test_malformed_messages_of_the_standard_library_are_messages(path: Path) -> None:
    as_sent(path.read_bytes())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"Content-Type:charset=\0\n\x80",
        b"Content-Type:;charset*\n\x80",
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 500,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1200)),
        b"From: " + b"(" * 50_000,
        b"To: " + b"a@b.example, " * 5_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 20_000,
        b"Content-Type: text/html\n\n" + b"<" * 200_000,
        b"Content-Type: text/html\n\n" + b"<style" * 50_000,
        b"Date: " + b"(" * 100_000,
        b"Content-Type: text/plain" + b"; a=" * 20_000,
        b"Content-Type: text/plain; " + b"name*0*=a;" * 10_000,
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_hostile_messages_take_no_more_than_ten_seconds_of_cpu_time(raw: bytes) -> None:
    before = time.process_time()
    as_sent(raw)
    assert time.process_time() - before < 10


@pytest.mark.skipif(not CORPUS.exists(), reason="this Python came without its own tests")
def test_an_mbox_of_anything_loads(tmp_path: Path) -> None:
    path = tmp_path / "all.mbox"
    lines = (
        b"From x@y.example Tue Sep  1 07:58:12 2026\n" + file.read_bytes() + b"\n\n"
        for file in CORPUS.glob("msg_*.txt")
    )
    path.write_bytes(b"".join(lines))
    mailbox = Mailbox("a@b.example")
    load(mailbox, [path])
    assert len(mailbox.messages) >= len(list(CORPUS.glob("msg_*.txt")))
