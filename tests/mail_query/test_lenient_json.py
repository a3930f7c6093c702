"""Pages with items that no ordinary parser accepts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iacs.core.exceptions import MalformedResponseError
from iacs.mail_query.items import read_item
from iacs.mail_query.lenient_json import parse_leniently, well_formed
from iacs.mail_query.pages import UnreadableFolder, read_documents, read_folders, read_items
from iacs.mail_query.schema import MailFolder, Message, UnreadableMessage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("value"), inner, max_size=4)
    ),
    max_leaves=20,
)
DEEP = "[" * 100_000 + "]" * 100_000


@given(
    items=st.lists(JSON, max_size=5),
    before=st.dictionaries(st.text(), JSON, max_size=3),
    after=st.dictionaries(st.text(), JSON, max_size=3),
    indent=st.none() | st.integers(0, 3),
)
def test_what_is_json_is_read_as_any_parser_does(
    items: list[Any], before: dict[str, Any], after: dict[str, Any], indent: int | None
) -> None:
    before.pop("value", None)
    after.pop("value", None)
    text = json.dumps(before | {"value": items} | after, indent=indent)
    assert parse_leniently(text.encode()) == json.loads(text)


@given(document=JSON, cut=st.floats(0, 1, exclude_max=True))
def test_a_page_that_is_cut_off_is_never_taken_for_a_whole_one(document: Any, cut: float) -> None:
    text = json.dumps({"value": [document, {"id": "1"}], "@odata.nextLink": "x"}).encode()
    with pytest.raises(MalformedResponseError):
        parse_leniently(text[: int(len(text) * cut)])


@pytest.mark.parametrize(
    "odd",
    [
        b'{"id":"2","subject":"half \\ud83d"}',
        b'{"id":"2","size":' + b"9" * 6000 + b"}",
        b'{"id":"2","subject":"caf\xe9"}',
        b'{"id":"2","x":' + DEEP.encode() + b"}",
        DEEP.encode(),
    ],
    ids=["half a surrogate", "6,000 digits", "no UTF-8", "nested", "nested without an object"],
)
def test_an_odd_item_stops_neither_its_page_nor_its_neighbours(odd: bytes) -> None:
    body = b'{"value":[{"id":"1"}, ' + odd + b',{"id":"3"}],"@odata.nextLink":"next"}'
    page = read_documents(body)
    assert (len(page.items), page.next_link) == (3, "next")
    first, second, third = map(read_item, read_items(body).items)
    assert isinstance(first, Message)
    assert isinstance(third, Message)
    assert isinstance(second, UnreadableMessage) or second.id == "2"


@pytest.mark.parametrize(
    ("document", "folder"),
    [
        ({"id": "f", "displayName": "half \ud83d"}, MailFolder(id="f", display_name="half \ufffd")),
        (
            {"id": "f", "displayName": "F", "totalItemCount": "many"},
            MailFolder(id="f", display_name="F"),
        ),
        ({"id": "f", "displayName": 7}, MailFolder(id="f", display_name=None)),
        ({"displayName": "F"}, UnreadableFolder("F", "id: Field required")),
        ({"id": "f" * 1001}, UnreadableFolder(None, "its id is empty or too long")),
        ("F", UnreadableFolder(None, "id: Field required")),
    ],
)
def test_a_folder_is_read_as_far_as_it_can_be(document: Any, folder: MailFolder | UnreadableFolder) -> None:
    good = {"id": "g", "displayName": "G"}
    page = read_folders(json.dumps({"value": [document, good]}).encode())
    assert page.items == (folder, MailFolder(id="g", display_name="G"))


def test_a_text_is_well_formed_without_lone_surrogates() -> None:
    assert well_formed("a\ud800b😀") == "a\ufffdb😀"
