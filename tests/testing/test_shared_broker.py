"""The broker that several processes share, with another command in its place.

Usage: python test_shared_broker.py FOLDER   (a process that uses the broker until it is killed)
"""

import subprocess
import sys
from pathlib import Path

import pytest

from iacs.testing.servers import ServerMissingError, keep, shared_broker


def start(home: Path, stdin: int, cache: Path) -> str:
    command = [sys.executable, keep.__file__, str(home / "log"), str(home), "sleep", "1000"]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, start_new_session=True) as keeper:
        assert keeper.stdout is not None
        address = f"process:{int(keeper.stdout.readline())}"
        keeper.stdout.close()
        keeper.returncode = 0  # it outlives this block
    return address


def is_running(address: str) -> bool:
    return Path(f"/proc/{address.partition(':')[2]}").exists()


@pytest.fixture(autouse=True)
def started_by_another_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_broker, "_start", start)


def test_the_last_user_ends_it(tmp_path: Path) -> None:
    with shared_broker.shared_broker(tmp_path, cache=tmp_path) as first:
        with shared_broker.shared_broker(tmp_path, cache=tmp_path) as second:
            assert second == first
        assert is_running(first)
    assert not is_running(first)
    with shared_broker.shared_broker(tmp_path, cache=tmp_path) as third:
        assert third != first
        assert is_running(third)


def test_it_ends_with_a_killed_user_and_is_started_anew(tmp_path: Path) -> None:
    command = [sys.executable, __file__, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        first = user.stdout.readline().strip()
        with shared_broker.shared_broker(tmp_path, cache=tmp_path) as second:
            assert second == first
        assert is_running(first)
        user.kill()
    with shared_broker.shared_broker(tmp_path, cache=tmp_path) as third:
        assert not is_running(first)
        assert is_running(third)


def test_one_that_does_not_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(home: Path, stdin: int, cache: Path) -> str:
        raise ServerMissingError(f"no java for {home}, {stdin}, {cache}")

    with monkeypatch.context() as patch:
        patch.setattr(shared_broker, "_start", fail)
        with pytest.raises(ServerMissingError), shared_broker.shared_broker(tmp_path, cache=tmp_path):
            pass
    assert not Path((tmp_path / "home").read_text()).exists()
    with shared_broker.shared_broker(tmp_path, cache=tmp_path) as address:
        assert is_running(address)


if __name__ == "__main__":
    shared_broker._start = start
    with shared_broker.shared_broker(Path(sys.argv[1]), cache=Path(sys.argv[1])) as used:
        sys.stdout.write(f"{used}\n")
        sys.stdout.flush()
        sys.stdin.read()
