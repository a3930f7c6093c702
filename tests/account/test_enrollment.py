from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iacs.account import Enrollment
from iacs.account.enrollment import read_enrollments
from iacs.core.exceptions import AccountError

EXAMPLES = Path(__file__).parents[2] / "examples" / "enrollment"


def problems(directory: Path) -> str:
    with pytest.raises(AccountError) as caught:
        read_enrollments(directory)
    return caught.value.message_with_hint


def test_the_examples_enrol_three_accounts() -> None:
    assert read_enrollments(EXAMPLES) == (
        Enrollment(account="alice@contoso.example", name="Alice Archer"),
        Enrollment(account="bob@contoso.example", name="Bob Baker"),
        Enrollment(account="carol@contoso.example"),
    )


def test_both_endings_count_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("account: a@contoso.example")
    (tmp_path / "b.yml").write_text("account: b@contoso.example")
    (tmp_path / "c.yaml.bak").write_text("nonsense: [")
    assert [enrollment.account for enrollment in read_enrollments(tmp_path)] == [
        "a@contoso.example",
        "b@contoso.example",
    ]


def test_an_address_is_kept_in_lower_case(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("account: ' Alice@Contoso.Example '\ntenant_id: contoso.example")
    assert read_enrollments(tmp_path) == (
        Enrollment(account="alice@contoso.example", tenant_id="contoso.example"),
    )


def test_a_sign_in_name_may_be_that_of_a_guest(tmp_path: Path) -> None:
    name = "o'neil_home.example#EXT#@Contoso.onmicrosoft.example"
    (tmp_path / "a.yaml").write_text(f"account: a@contoso.example\nusername: {name}")
    assert [enrollment.username for enrollment in read_enrollments(tmp_path)] == [name.lower()]


def test_a_missing_directory_says_what_to_write(tmp_path: Path) -> None:
    text = problems(tmp_path / "enrollment")
    assert "cannot be read (No such file or directory)" in text
    assert f"; write {tmp_path}/enrollment/alice.yaml with the line: account: alice@contoso.example" in text


def test_an_empty_directory_says_what_to_write(tmp_path: Path) -> None:
    assert "has no enrolment files; write " in problems(tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("name: Alice", "a.yaml: account is missing"),
        ("account: alice", "a.yaml: account is not an address such as"),
        ("account: a@b@c", "a.yaml: account is not an address"),
        ("account: 'Alice <a@contoso.example>'", "a.yaml: account is not an address"),
        ("account: 7", "a.yaml: account is not text"),
        ("account: [a@contoso.example]", "a.yaml: account is not text"),
        ("account: a@contoso.example\nnmae: A", "a.yaml: nmae is not a key of an enrolment"),
        ("account: a@contoso.example\n7: A", "a.yaml: 7 is not a key"),
        ("account: a@contoso.example\nname: 7", "a.yaml: name is not text"),
        ("account: a@contoso.example\ntenant_id: a/b", "a.yaml: tenant_id is not a directory id"),
        ("account: a@contoso.example\nusername: a b@c", "a.yaml: username is not a sign-in name"),
        (
            "account: a@contoso.example\naccount: b@contoso.example",
            "in line 2 (the key account is repeated)",
        ),
        ("account: [", "a.yaml: is not YAML in line 1"),
        ("a: b: c", "a.yaml: is not YAML in line 1"),
        ("- account: a@contoso.example", "a.yaml: has no keys"),
        ("", "a.yaml: has no keys"),
        ("alice@contoso.example", "a.yaml: has no keys"),
        ("!!python/object:os.system {}", "a.yaml: is not YAML"),
        ("account: \x00", "a.yaml: has a character in line 1 that YAML does not allow (U+0000)"),
    ],
)
def test_a_malformed_file_is_named_with_its_key(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "a.yaml").write_text(content)
    assert problem in problems(tmp_path)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2026-02-31", "is not YAML in line 2 (a value is not a valid timestamp)"),
        ("!!int abc", "is not YAML in line 2 (a value is not a valid int)"),
        ("!!float abc", "is not YAML in line 2 (a value is not a valid float)"),
        ("!!bool maybe", "is not YAML in line 2 (a value is not a valid bool)"),
        ("!!timestamp soon", "is not YAML in line 2 (a value is not a valid timestamp)"),
        ("9" * 5000, "is not YAML in line 2 (a value is not a valid int)"),
        ("[" * 2000 + "]" * 2000, "is nested too deeply in line 2"),
        ("[" * 2000, "in line 2"),
        ("Al\x00ice", "has a character in line 2 that YAML does not allow (U+0000)"),
        ('"Al\\0ice"', "name contains the character NUL"),
        ("&a [*a]", "name is not text"),
    ],
    ids=lambda value: value[:20],
)
def test_a_value_that_no_reader_can_take_is_named_with_its_line(
    tmp_path: Path, value: str, problem: str
) -> None:
    (tmp_path / "a.yaml").write_text(f"account: a@contoso.example\nname: {value}")
    text = problems(tmp_path)
    assert "a.yaml: " in text
    assert problem in text


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("account: a@contoso.example\nname: Zoë".encode("latin-1"))
    assert "a.yaml: is not UTF-8 text in line 2" in problems(tmp_path)


def test_a_folder_instead_of_a_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    assert "a.yaml: cannot be read (Is a directory)" in problems(tmp_path)


def test_every_problem_of_every_file_comes_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nmae: A\nname: 7")
    (tmp_path / "b.yml").write_text("account: [")
    (tmp_path / "c.yaml").write_text("account: c@contoso.example")
    (tmp_path / "d.yaml").write_text("account: C@contoso.example")
    text = problems(tmp_path)
    for problem in (
        "a.yaml: account is missing",
        "a.yaml: name is not text",
        "a.yaml: nmae is not a key",
        "b.yml: is not YAML",
        "d.yaml: account c@contoso.example is also in c.yaml",
    ):
        assert problem in text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(content=st.binary(max_size=60) | VALUES.map(lambda value: yaml.dump(value).encode()))
def test_whatever_a_file_holds_is_an_enrolment_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    try:
        assert len(read_enrollments(tmp_path)) == 1
    except AccountError as error:
        assert "a.yaml" in str(error)  # noqa: PT017 - most are errors, a few may not be


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("access: everything", "a.yaml: access is not delegated, shared or application"),
        ("access: shared", "a.yaml: access: shared and via: ADDRESS need each other"),
        ("via: b@contoso.example", "a.yaml: access: shared and via: ADDRESS need each other"),
        ("access: shared\nvia: b", "a.yaml: via is not an address"),
        ("access: shared\nvia: a@contoso.example", "a.yaml: via is the account itself"),
        ("access: application\nusername: b@contoso.example", "a.yaml: username does not apply"),
    ],
)
def test_the_keys_of_an_enrolment_fit_the_access(tmp_path: Path, lines: str, problem: str) -> None:
    (tmp_path / "a.yaml").write_text(f"account: a@contoso.example\n{lines}\n")
    assert problem in problems(tmp_path)
