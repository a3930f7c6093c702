"""Loading mail from an mbox file (also .gz), a Maildir or a folder of .eml files; the kind is detected."""

import gzip
import mailbox
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from iacs.sandbox.errors import SandboxError
from iacs.sandbox.mail.mailbox import Mailbox

_WELL_KNOWN = {
    "sent": "sentitems",
    "sent items": "sentitems",
    "drafts": "drafts",
    "trash": "deleteditems",
    "deleted items": "deleteditems",
    "archive": "archive",
    "junk": "junkemail",
    "spam": "junkemail",
}
_GZIP = b"\x1f\x8b"


def _mbox(path: Path) -> Iterator[bytes]:
    """Yield the messages without their From_ lines; lines that begin with `>From ` are kept unchanged."""
    file = mailbox.mbox(path, create=False)
    try:
        for key in file.keys():  # noqa: SIM118 -- iterating the mbox itself would parse every message
            yield file.get_bytes(key)
    finally:
        file.close()


def _zipped_mbox(path: Path) -> Iterator[bytes]:
    with tempfile.NamedTemporaryFile(suffix=".mbox") as plain:
        with gzip.open(path) as packed:
            shutil.copyfileobj(packed, plain)
        plain.flush()
        yield from _mbox(Path(plain.name))


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    opener: Any = gzip.open if zipped else open
    with opener(path, "rb") as file:
        return bytes(file.read(4096))


def _from_file(path: Path, target: Mailbox) -> None:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    start = _start(path).lstrip()
    if start.startswith(b"From ") or not start:
        for raw in _zipped_mbox(path) if zipped else _mbox(path):
            target.add(raw)
    elif path.suffix.lower() == ".eml":
        target.add(path.read_bytes())
    else:
        raise SandboxError(f"{path} is not an mbox file: its first line does not begin with 'From '")


def _flags(name: str) -> dict[str, Any]:
    """Return the properties that the flags in the name of a Maildir file denote."""
    flags = name.rpartition(":2,")[2] if ":2," in name else ""
    status = "flagged" if "F" in flags else "notFlagged"
    return {"isRead": "S" in flags, "isDraft": "D" in flags, "flag": {"flagStatus": status}}


def _maildir_folder(directory: Path, folder: str, target: Mailbox) -> None:
    files = (file for part in ("cur", "new") for file in (directory / part).iterdir())
    for file in sorted(files, key=lambda file: file.name):
        if file.is_file() and not file.name.startswith("."):
            target.add(file.read_bytes(), folder, **_flags(file.name))


def _from_maildir(path: Path, target: Mailbox) -> None:
    _maildir_folder(path, "inbox", target)
    for name in sorted(mailbox.Maildir(path, create=False).list_folders()):
        first, *rest = name.removeprefix("INBOX.").split(".")
        folder = "/".join([_WELL_KNOWN.get(first.lower(), first), *rest])
        _maildir_folder(path / f".{name}", folder, target)


def _from_folder(path: Path, target: Mailbox) -> None:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".eml" and file.is_file())
    if not files:
        raise SandboxError(f"{path} contains neither a Maildir (cur, new) nor any .eml file")
    for file in files:
        target.add(file.read_bytes())


def load(target: Mailbox, paths: Iterable[Path]) -> None:
    """Add every message in the paths; raises SandboxError for anything that is not mail."""
    for path in paths:
        try:
            if not path.is_dir():
                _from_file(path, target)
            elif (path / "cur").is_dir() and (path / "new").is_dir():
                _from_maildir(path, target)
            else:
                _from_folder(path, target)
        except (OSError, EOFError, mailbox.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise SandboxError(f"cannot read the mail in {path}: {reason}") from error


def parse_mailboxes(pairs: Sequence[str]) -> dict[str, list[Path]]:
    """Parse `EMAIL=PATH` pairs; an address that is repeated gets the mail of all its paths."""
    mailboxes: dict[str, list[Path]] = {}
    for pair in pairs:
        address, equals, path = pair.partition("=")
        if not equals or not path or "@" not in address:
            raise SandboxError(f"'{pair}' is not EMAIL=PATH, such as alice@contoso.example=alice.mbox")
        mailboxes.setdefault(address.strip(), []).append(Path(path).expanduser())
    return mailboxes
