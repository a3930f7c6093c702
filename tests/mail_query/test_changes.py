import json

from hypothesis import given
from hypothesis import strategies as st

from iacs.mail_query.changes import State, changes, message_id
from iacs.mail_query.document import Document
from iacs.mail_query.items import to_json

HERE, THERE = "here", "there"


def item(value: object) -> Document:
    return Document.of_json(to_json(value).encode())


def document(name: str = "1", key: str | None = "k1", **fields: object) -> Document:
    return item({"id": name} | ({} if key is None else {"changeKey": key}) | fields)


def removal(name: str = "1") -> Document:
    return item({"id": name, "@removed": {"reason": "deleted"}})


def test_a_message_not_stored_is_new() -> None:
    result = changes([document()], {}, HERE)
    assert (result.new, result.seen, result.written) == (["1"], 1, {"1": State(document(), HERE)})


def test_a_message_given_twice_is_new_once_and_its_later_form_counts() -> None:
    result = changes([document(subject="a"), document(key="k2", subject="b")], {}, HERE)
    assert (result.new, result.seen) == (["1"], 1)
    assert result.written["1"].document.value["subject"] == "b"


def test_a_message_given_again_as_it_was_changes_nothing() -> None:
    result = changes([document()], {"1": State(document(), HERE)}, HERE)
    assert (result.written, result.unchanged, result.updated, result.seen) == ({}, ["1"], 0, 1)


def test_a_partial_update_blanks_nothing() -> None:
    before = State(document(subject="a", isRead=False), HERE)
    result = changes([document(key=None, isRead=True)], {"1": before}, HERE)
    assert result.written["1"].document == document(subject="a", isRead=True)
    assert result.updated == 1


def test_null_is_a_value_and_replaces_one() -> None:
    result = changes([document(key="k2", subject=None)], {"1": State(document(subject="a"), HERE)}, HERE)
    assert result.written["1"].document == document(key="k2", subject=None)


def test_a_document_that_differs_under_the_same_change_key_is_kept_and_not_counted() -> None:
    result = changes([document(webLink="new")], {"1": State(document(webLink="old"), HERE)}, HERE)
    assert result.written["1"].document.value["webLink"] == "new"
    assert result.updated == 0


def test_a_removed_message_is_marked_and_keeps_its_document() -> None:
    result = changes([removal()], {"1": State(document(), HERE)}, HERE)
    assert result.written == {"1": State(document(), HERE, removed=True)}
    assert (result.removed, result.seen) == (1, 0)


def test_a_repeated_removal_changes_nothing() -> None:
    result = changes([removal()], {"1": State(document(), HERE, removed=True)}, HERE)
    assert (result.written, result.removed) == ({}, 0)


def test_the_removal_of_an_unknown_message_changes_nothing() -> None:
    result = changes([removal()], {}, HERE)
    assert (result.written, result.unchanged, result.removed) == ({}, [], 0)


def test_a_move_reported_first_by_the_old_folder_ends_in_the_new_one() -> None:
    gone = changes([removal()], {"1": State(document(), HERE)}, HERE).written
    result = changes([document(key="k2")], gone, THERE)
    assert result.written == {"1": State(document(key="k2"), THERE)}
    assert (result.new, result.updated) == ([], 1)


def test_a_move_reported_first_by_the_new_folder_ends_there() -> None:
    there = changes([document(key="k2")], {"1": State(document(), HERE)}, THERE).written
    result = changes([removal()], there, HERE)
    assert (result.written, result.unchanged, result.removed) == ({}, [], 0)


def test_a_message_that_comes_back_is_no_longer_removed() -> None:
    result = changes([document()], {"1": State(document(), HERE, removed=True)}, HERE)
    assert result.written == {"1": State(document(), HERE)}
    assert (result.updated, result.new) == (1, [])


def test_a_message_that_comes_and_goes_within_a_page_is_new_and_removed() -> None:
    result = changes([document(), removal()], {}, HERE)
    assert result.new == ["1"]
    assert result.written["1"].removed


def test_a_message_without_an_id_is_known_by_its_content() -> None:
    values: list[object] = [
        {"subject": "a"},
        {"subject": "b"},
        7,
        None,
        {"id": ""},
        {"id": 7},
        {"id": "a\0b"},
    ]
    broken = list(map(item, values))
    result = changes(broken, {}, HERE)
    assert len(result.new) == len(broken)
    assert changes(broken, result.written, HERE).written == {}


def test_half_a_surrogate_pair_and_nul_are_kept() -> None:
    text = to_json({"subject": "\0 \ud800 é"})
    assert text.isascii()
    assert "\0" not in text
    assert json.loads(text) == {"subject": "\0 \ud800 é"}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["k1", "k2", None]), st.booleans())))
def test_however_pages_are_cut_the_end_is_the_same(items: list[tuple[str, str | None, bool]]) -> None:
    documents = [removal(name) if gone else document(name, key) for name, key, gone in items]
    whole = changes(documents, {}, HERE)
    stored: dict[str, State] = {}
    new: list[str] = []
    for one in documents:
        result = changes([one], stored, HERE)
        stored |= result.written
        new += result.new
    assert stored == whole.written
    assert sorted(new) == sorted(whole.new)
    assert {message_id(one) for one in documents} >= set(stored)
