"""Mail from files; the kind of file is detected from its content."""

import gzip
import mailbox
from pathlib import Path

import pytest

from iacs.sandbox import Mailbox, SandboxError
from iacs.sandbox.mail.loading import load
from tests.fixtures.cloud import MAILBOXES


def loaded(*paths: Path) -> Mailbox:
    target = Mailbox("a@b.example")
    load(target, paths)
    return target


def test_an_mbox_gives_what_the_standard_library_counts_packed_or_not(tmp_path: Path) -> None:
    path = MAILBOXES / "alice.mbox"
    packed = tmp_path / "alice.mbox.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    expected = mailbox.mbox(path)
    raw = [expected.get_bytes(key) for key in expected.iterkeys()]
    expected.close()
    assert [message.raw for message in loaded(path).messages] == raw
    assert [message.raw for message in loaded(packed).messages] == raw
    assert b"\n>From the station" in raw[1]


def test_a_maildir_keeps_folders_and_flags() -> None:
    bob = loaded(MAILBOXES / "bob")
    messages = [
        (message.folder.name, message.get("subject"), message.get("isRead")) for message in bob.messages
    ]
    assert messages == [
        ("Inbox", "Re: Lunch on Thursday?", True),
        ("Inbox", "Budget draft", True),
        ("Inbox", "Grüße", False),
        ("Inbox", "Parcel", False),
        ("Inbox", "An empty message", False),
        ("Sent Items", "Lunch on Thursday?", True),
    ]
    assert bob.messages[1].get("flag") == {"flagStatus": "flagged"}


def test_a_folder_of_eml_is_read_all_the_way_down(tmp_path: Path) -> None:
    assert len(loaded(MAILBOXES / "carol").messages) == 5
    (tmp_path / "A.EML").write_bytes(b"Subject: upper case\n\n")
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    assert [message.get("subject") for message in loaded(tmp_path).messages] == ["upper case"]
    assert len(loaded(tmp_path / "A.EML").messages) == 1


def test_copies_stay_messages_of_their_own_under_ids_that_last(tmp_path: Path) -> None:
    for name in ("1.eml", "2.eml", "3.eml"):
        (tmp_path / name).write_bytes(b"Subject: same\n\n")
    first, again = ([message.immutable_id for message in loaded(tmp_path).messages] for _ in range(2))
    assert len(set(first)) == 3
    assert first == again


def test_an_empty_mbox_is_an_empty_mailbox(tmp_path: Path) -> None:
    (tmp_path / "empty.mbox").touch()
    assert loaded(tmp_path / "empty.mbox").messages == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text.mbox", b"no mail"),
        ("broken.gz", b"\x1f\x8bnot gzip"),
        ("cut.gz", gzip.compress(b"From ", mtime=0)[:-9]),
    ],
)
def test_the_error_names_a_file_that_is_not_mail(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SandboxError, match=name):
        loaded(tmp_path / name)


def test_a_folder_without_mail_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"contains neither a Maildir .* nor any \.eml"):
        loaded(tmp_path)
