import importlib
from pathlib import Path

import pytest

import iacs.sql


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "initial_schema.sql").write_text("CREATE TABLE t (x TEXT)")
    return folder


def names(folder: Path, dialect: str) -> list[tuple[int, str]]:
    return [(version.number, version.name) for version in iacs.sql.versions(dialect, folder)]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_versions_are_numbered_from_one_without_gap_or_double(dialect: str) -> None:
    numbers = [version.number for version in iacs.sql.versions(dialect)]

    assert numbers == list(range(1, len(numbers) + 1))


def test_both_databases_have_the_same_versions() -> None:
    sqlite, postgresql = iacs.sql.versions("sqlite"), iacs.sql.versions("postgresql")

    assert [version.number for version in sqlite] == [version.number for version in postgresql]


def test_every_sql_file_belongs_to_a_version() -> None:
    known = {version.name for dialect in ("sqlite", "postgresql") for version in iacs.sql.versions(dialect)}

    assert known == {path.name for path in Path(*iacs.sql.__path__).glob("*.sql")}


def test_later_versions_follow_in_the_order_of_their_numbers(folder: Path) -> None:
    for name in ("0010_tenth.sql", "0002_second.sql", "0009_ninth.sql"):
        (folder / name).write_text("SELECT 1")

    assert names(folder, "sqlite")[1:] == [
        (2, "0002_second.sql"),
        (9, "0009_ninth.sql"),
        (10, "0010_tenth.sql"),
    ]


def test_a_version_may_have_a_file_for_each_dialect(folder: Path) -> None:
    for dialect in ("sqlite", "postgresql"):
        (folder / f"0002_search.{dialect}.sql").write_text(f"-- {dialect}")

    assert names(folder, "sqlite")[1:] == [(2, "0002_search.sqlite.sql")]
    assert names(folder, "postgresql")[1:] == [(2, "0002_search.postgresql.sql")]


def test_other_files_of_the_folder_are_no_versions(folder: Path) -> None:
    for name in ("__init__.py", "notes.md", "0002_draft.sql.bak", "2_short.sql", "0003_x.mysql.sql"):
        (folder / name).write_text("nothing")

    assert names(folder, "sqlite") == [(1, "initial_schema.sql")]


def test_the_bare_folder_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(iacs.sql.__path__[0]).resolve().parent)

    with pytest.raises(ImportError, match=r"import iacs\.sql, not sql"):
        importlib.import_module("sql")
