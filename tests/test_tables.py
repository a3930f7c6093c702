"""Each module may have a database of its own, so the SQL of a package names only that package's tables."""

import ast
import re
from pathlib import Path

import pytest

import iacs
import iacs.sql

ROOT = Path(iacs.__file__).parent
NAMED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|EXISTS)\s+\"?(iacs_\w+)", re.IGNORECASE)
OWNERS = {
    "account": {"iacs_accounts"},
    "auth": {"iacs_auth_links", "iacs_auth_sessions"},
    "mail_query": {"iacs_mailboxes", "iacs_mail_folders", "iacs_messages", "iacs_moving_messages"},
    "core/_database": {"iacs_schema_versions"},
    "core/event_log.py core/_events": {
        "iacs_counters",
        "iacs_event_log",
        "iacs_event_log_members",
        "iacs_event_log_offsets",
    },
    "core/_tokens": {"iacs_data_keys", "iacs_tokens", "iacs_token_refusals"},
    "core/lease.py": {"iacs_leases"},
    "core/outbox.py core/_outbox": {"iacs_outbox"},
}


def sources(owner: str) -> list[Path]:
    paths = [ROOT / name for name in owner.split()]
    return [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]


def tables(path: Path) -> set[str]:
    """Return the tables of iacs that a file names where SQL, or `Transaction.insert`, names tables."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {name for text in texts if isinstance(text, str) for name in NAMED.findall(text)} | {
        node.args[0].value
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "insert"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@pytest.mark.parametrize("owner", OWNERS)
def test_the_sql_of_a_package_names_its_own_tables_alone(owner: str) -> None:
    assert set().union(*map(tables, sources(owner))) == OWNERS[owner]


def test_no_other_file_names_a_table() -> None:
    owned = {path for owner in OWNERS for path in sources(owner)}

    assert {path: tables(path) for path in ROOT.rglob("*.py") if path not in owned and tables(path)} == {}


def test_every_table_of_the_schema_has_one_owner() -> None:
    created = re.findall(
        r"CREATE TABLE (\w+)", (Path(*iacs.sql.__path__) / "initial_schema.sql").read_text("utf-8")
    )

    assert sorted([*created, "iacs_schema_versions"]) == sorted(
        name for names in OWNERS.values() for name in names
    )
