import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iacs.core._database.script import opening, split, statements

BOTH = ["sqlite", "postgresql"]
TEXT = st.text(max_size=30)
SQL_LIKE = st.lists(
    st.sampled_from([
        "SELECT", " ", "\n", ";", "'", '"', "`", "[", "]", "--", "/*", "*/", "$", "$x$", "$$", "E'", "\\", "''", "(", ")",
        "BEGIN", "END", "CASE", "CREATE", "TRIGGER", "FUNCTION", "ATOMIC", "OR", "REPLACE", "TEMP", "a", "1", "é", ":x", "%",
    ])
).map("".join)  # fmt: skip

QUOTED = {
    "sqlite": [
        TEXT.map(lambda text: "'" + text.replace("'", "''") + "'"),
        TEXT.map(lambda text: '"' + text.replace('"', '""') + '"'),
        TEXT.map(lambda text: "`" + text.replace("`", "``") + "`"),
        TEXT.map(lambda text: "[" + text.replace("]", "") + "]"),
        TEXT.map(lambda text: "-- " + text.replace("\n", " ") + "\n"),
        TEXT.map(lambda text: "/* " + text.replace("*/", "") + " */"),
    ],
    "postgresql": [
        TEXT.map(lambda text: "'" + text.replace("'", "''") + "'"),
        TEXT.map(lambda text: "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"),
        TEXT.map(lambda text: '"' + text.replace('"', '""') + '"'),
        TEXT.map(lambda text: "$$" + text.replace("$", "") + "$$"),
        TEXT.map(lambda text: "$body$" + text.replace("$body$", "") + " $body$"),
        TEXT.map(lambda text: "-- " + text.replace("\n", " ") + "\n"),
        TEXT.map(lambda text: "/* " + text.replace("*", "").replace("/", "") + " /* ; */ ; */"),
    ],
}

TRIGGER = """CREATE {temp}TRIGGER "on insert" AFTER INSERT ON t BEGIN
    UPDATE t SET x = CASE WHEN x > 1 THEN 'END; ' ELSE x END; -- END;
    INSERT INTO log VALUES (new.x);
END"""


@pytest.mark.parametrize("dialect", BOTH)
@given(script=st.one_of(TEXT, SQL_LIKE))
def test_the_pieces_joined_are_the_script(dialect: str, script: str) -> None:
    assert "".join(split(script, dialect)) == script


@pytest.mark.parametrize("dialect", BOTH)
@given(data=st.data())
def test_a_semicolon_inside_quotes_or_comments_never_splits(dialect: str, data: st.DataObject) -> None:
    quoted = data.draw(st.lists(st.one_of(QUOTED[dialect]), min_size=1, max_size=4))
    one, two = "SELECT 1 " + " ".join(quoted), "SELECT 2"

    assert split(f"{one}\n;{two}", dialect) == [f"{one}\n;", two]


@pytest.mark.parametrize("dialect", BOTH)
@given(script=st.one_of(TEXT, SQL_LIKE))
def test_no_statement_is_empty_or_has_its_last_semicolon(dialect: str, script: str) -> None:
    assert all(statement and statement == statement.strip() for statement in statements(script, dialect))


@given(script=SQL_LIKE.filter(lambda text: "TRIGGER" not in text and "\\" not in text and "\0" not in text))
def test_sqlite_sees_the_same_ends(script: str) -> None:
    for piece in split(script, "sqlite")[:-1]:
        assert sqlite3.complete_statement(piece)


@pytest.mark.parametrize("dialect", BOTH)
def test_the_last_statement_needs_no_semicolon(dialect: str) -> None:
    assert statements("SELECT 1; SELECT 2", dialect) == ["SELECT 1", "SELECT 2"]


@pytest.mark.parametrize("dialect", BOTH)
def test_space_comments_and_lonely_semicolons_are_no_statements(dialect: str) -> None:
    assert statements("-- one; two\n ; /* ; */ ;; \n-- end", dialect) == []


@pytest.mark.parametrize("temp", ["", "TEMP ", "temporary "])
def test_a_trigger_is_one_statement(temp: str) -> None:
    trigger = TRIGGER.format(temp=temp)

    assert statements(f"/* first */ {trigger};\nSELECT 1;", "sqlite") == [
        f"/* first */ {trigger}",
        "SELECT 1",
    ]


def test_a_trigger_may_end_the_script_without_semicolon() -> None:
    assert statements(TRIGGER.format(temp=""), "sqlite") == [TRIGGER.format(temp="")]


def test_a_column_called_trigger_or_end_changes_nothing() -> None:
    script = 'CREATE TABLE trigger_log (trigger TEXT, "END" TEXT); SELECT trigger FROM trigger_log'

    assert len(statements(script, "sqlite")) == 2


@pytest.mark.parametrize("head", ["create function", "CREATE OR REPLACE FUNCTION", "CREATE PROCEDURE"])
def test_a_routine_with_an_atomic_body_is_one_statement(head: str) -> None:
    routine = f"{head} f(a int) BEGIN ATOMIC; SELECT CASE a WHEN 1 THEN 2 END; SELECT 3; END"

    assert statements(f"{routine}; SELECT 1", "postgresql") == [routine, "SELECT 1"]


def test_begin_and_end_outside_of_routines_count_for_nothing() -> None:
    assert statements("BEGIN; SELECT CASE 1 WHEN 1 THEN 2 END; END", "postgresql") == [
        "BEGIN",
        "SELECT CASE 1 WHEN 1 THEN 2 END",
        "END",
    ]


def test_a_rule_with_several_actions_is_one_statement() -> None:
    rule = "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)"

    assert statements(f"{rule}; SELECT 1", "postgresql") == [rule, "SELECT 1"]


def test_dollar_quotes_of_another_tag_do_not_end_the_quote() -> None:
    block = "DO $a$ BEGIN RAISE NOTICE $b$; $$ ; $b$; END $a$"

    assert statements(f"{block}; SELECT $1", "postgresql") == [block, "SELECT $1"]


def test_a_dollar_within_a_name_begins_no_quote() -> None:
    assert statements("SELECT a$x$; SELECT b$x$", "postgresql") == ["SELECT a$x$", "SELECT b$x$"]


def test_a_backslash_escapes_in_escape_strings_alone() -> None:
    assert len(statements(r"SELECT E'\';'; SELECT 1", "postgresql")) == 2
    assert len(statements(r"SELECT '\'; SELECT 1", "postgresql")) == 2


def test_comments_nest_in_postgresql_and_not_in_sqlite() -> None:
    script = "/* one /* two */ ; */ SELECT 1"

    assert statements(script, "postgresql") == [script]
    assert statements(script, "sqlite") == ["*/ SELECT 1"]


@pytest.mark.parametrize("unended", ["'a; b", '"a; b', "/* a; b", "$$ a; b", "$x$ a; b $$"])
def test_what_is_never_closed_reaches_to_the_end(unended: str) -> None:
    assert split(f"SELECT 1; SELECT {unended}", "postgresql") == ["SELECT 1;", f" SELECT {unended}"]


def test_the_opening_skips_comments() -> None:
    assert opening("-- x\nrollback /* y */ to one", "sqlite") == ("ROLLBACK", "TO", "ONE")
    assert opening("  ", "sqlite") == ()
