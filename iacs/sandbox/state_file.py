"""The file in which a stand-in keeps its state: a header with a checksum, then one JSON value per line."""

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from iacs.sandbox.errors import SandboxError

_KIND = b"iacs-sandbox-state"
_VERSION = b"1"


class StateFile:
    """A file that is read once and then replaced as a whole; a file of anything else is never overwritten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int, int] | None = None
        self._lock = threading.Lock()

    def read(self) -> list[bytes]:
        """Return the lines; none if there is no file yet. Raises SandboxError for a damaged or foreign file."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SandboxError(f"cannot read the state in {self._path}: {error.strerror}") from error
        header, _, body = content.partition(b"\n")
        self._check(header.split(b" "), body)
        self._identity = self._current()
        return body.splitlines()

    def _check(self, header: Sequence[bytes], body: bytes) -> None:
        if header[0] != _KIND:
            raise SandboxError(
                f"{self._path} is not the state of a stand-in, and is left as it is: choose another file"
            )
        if header[1:2] != [_VERSION]:
            raise SandboxError(
                f"{self._path} was written by another version of the stand-in: choose another file"
            )
        if header[2:] != [_checksum(body)]:
            raise SandboxError(
                f"{self._path} is damaged, and is left as it is: restore a copy, or move it away to start without it"
            )

    def write(self, lines: Sequence[bytes]) -> None:
        """Replace the file; after a crash it has either content. Raises SandboxError."""
        body = b"\n".join(lines) + b"\n"
        with self._lock:
            if self._current() != self._identity:
                raise SandboxError(
                    f"{self._path} was changed by another program, and is left as it is: use one file per stand-in"
                )
            try:
                self._replace(b" ".join((_KIND, _VERSION, _checksum(body))) + b"\n" + body)
            except OSError as error:
                raise SandboxError(f"cannot write the state to {self._path}: {error.strerror}") from error
            self._identity = self._current()

    def _current(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _replace(self, content: bytes) -> None:
        """Write a new file, which only its owner can read (it has tokens), and give it the name of the old one."""
        target = self._path.resolve()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
