"""Pages of Graph's lists, parsed without losing an item that does not fit."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iacs.core.exceptions import MalformedResponseError
from iacs.mail_query.document import Document
from iacs.mail_query.items import MAX_ID, parse, reason_of, to_json
from iacs.mail_query.lenient_json import well_formed
from iacs.mail_query.schema import MailFolder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items, and the link to the next page or to later changes."""

    items: tuple[T, ...]
    next_link: str | None = None
    delta_link: str | None = None


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """An item of a list of folders that cannot be requested."""

    name: str | None
    reason: str


class _ParsedPage(BaseModel):
    """The JSON of a page."""

    model_config = ConfigDict(defer_build=True)

    value: tuple[Any, ...]
    next_link: str | None = Field(None, alias="@odata.nextLink")
    delta_link: str | None = Field(None, alias="@odata.deltaLink")


def read_documents(body: bytes) -> Page[Any]:
    """Parse a page, but not its items; raise MalformedResponseError for anything but a page."""
    try:
        page = _ParsedPage.model_validate(parse(body))
    except ValidationError as error:
        raise MalformedResponseError(f"Microsoft Graph's page is malformed: {reason_of(error)}") from None
    return Page(page.value, page.next_link, page.delta_link)


def read_items(body: bytes) -> Page[bytes]:
    """Parse a page, with the JSON of each item; raise MalformedResponseError for anything but a page."""
    from iacs.mail_query.fast_json import split_page

    try:
        page = split_page(body)
    except (ValueError, RecursionError):
        documents = read_documents(body)
        items = tuple(to_json(document).encode() for document in documents.items)
        return Page(items, documents.next_link, documents.delta_link)
    return Page(tuple(map(bytes, page.value)), page.next_link, page.delta_link)


def read_changes(body: bytes) -> Page[Document]:
    """Parse a page of changes; raise MalformedResponseError as `read_items` does, and without a link to the next page."""
    page = read_items(body)
    if not (page.next_link or page.delta_link):
        raise MalformedResponseError("a page of changes from Microsoft Graph has no link to the next one")
    return Page(tuple(map(Document.of_json, page.items)), page.next_link, page.delta_link)


def read_folders(body: bytes) -> Page[MailFolder | UnreadableFolder]:
    """Parse a page of folders; one that cannot be requested is an UnreadableFolder."""
    page = read_documents(body)
    return Page(tuple(map(_read_folder, page.items)), page.next_link, page.delta_link)


def read_folder_id(body: bytes) -> str:
    """Return the id of a single folder; raise MalformedResponseError without one."""
    folder = _read_folder(parse(body))
    if isinstance(folder, UnreadableFolder):
        raise MalformedResponseError(f"Microsoft Graph's folder is malformed: {folder.reason}")
    return folder.id


def read_folder_count(body: bytes) -> int | None:
    """Return the number of messages of a single folder."""
    folder = _read_folder(parse(body))
    return folder.total_item_count if isinstance(folder, MailFolder) else None


def _read_folder(document: Any) -> MailFolder | UnreadableFolder:
    """Parse a folder without the optional fields that do not fit; in its name, U+FFFD is what no text can contain."""
    fields = dict(document) if isinstance(document, dict) else {}
    name = fields.get("displayName")
    name = fields["displayName"] = well_formed(name) if isinstance(name, str) else None
    try:
        try:
            folder = MailFolder.model_validate(fields)
        except ValidationError as error:
            malformed = {problem["loc"][0] for problem in error.errors()} - {"id"}
            folder = MailFolder.model_validate(
                {key: value for key, value in fields.items() if key not in malformed}
            )
    except ValidationError as error:
        return UnreadableFolder(name, reason_of(error))
    if not folder.id or len(folder.id) > MAX_ID:
        return UnreadableFolder(name, "its id is empty or too long")
    return folder
