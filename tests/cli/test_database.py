from pathlib import Path

from iacs.core.database import Database
from tests.cli.conftest import Iacs


def test_a_backup_can_be_opened(iacs: Iacs, tmp_path: Path) -> None:
    iacs("init-db")
    ran = iacs("database", "backup", str(tmp_path / "copy.db"))
    assert (ran.code, ran.out) == (0, f"copied to {tmp_path}/copy.db\n")
    with Database(f"sqlite:///{tmp_path}/copy.db", must_exist=True) as copy:
        assert copy.run_sync(lambda tx: tx.value("SELECT count(*) FROM iacs_accounts")) == 0


def test_a_backup_onto_a_file_that_exists_is_one_sentence(iacs: Iacs, tmp_path: Path) -> None:
    iacs("init-db")
    (tmp_path / "copy.db").touch()
    ran = iacs("database", "backup", str(tmp_path / "copy.db"))
    assert ran.code == 1
    assert "copy.db exists already" in ran.err
