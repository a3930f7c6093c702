"""Pages of Graph's lists, parsed without losing an item that does not fit.

Every kind of Page is a model that takes a while to build, so annotations name it in quotes.
"""

import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from pydantic_core import to_json as encode_json

from iacs.core.exceptions import MalformedResponseError
from iacs.mail_query.lenient_json import parse_leniently, well_formed
from iacs.mail_query.schema import MailFolder, Message, UnreadableMessage

T = TypeVar("T")

MAX_ID = 1000
"""The length of the longest id that is stored as it is: an index of PostgreSQL has no room for much longer ones."""


class Page(BaseModel, Generic[T]):
    """Items, and the link to the next page or to later changes."""

    model_config = ConfigDict(frozen=True)

    items: tuple[T, ...] = Field(alias="value")
    next_link: str | None = Field(None, alias="@odata.nextLink")
    delta_link: str | None = Field(None, alias="@odata.deltaLink")


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """An item of a list of folders that cannot be requested."""

    name: str | None
    reason: str


def read_documents(body: bytes) -> "Page[Any]":
    """Parse a page, but not its items; raise MalformedResponseError for anything but a page."""
    try:
        return Page[Any].model_validate(_parse(body))
    except ValidationError as error:
        raise MalformedResponseError(f"Microsoft Graph's page is malformed: {_reason(error)}") from None


def read_changes(body: bytes) -> "Page[Any]":
    """Parse a page of changes as `read_documents` does; one without a link to the next is malformed too."""
    page = read_documents(body)
    if not (page.next_link or page.delta_link):
        raise MalformedResponseError("a page of changes from Microsoft Graph has no link to the next one")
    return page


def read_messages(body: bytes, schema: type[Message] = Message) -> "Page[Message | UnreadableMessage]":
    """Parse a page of messages, in one step if all of them fit."""
    try:
        page = Page[schema].model_validate_json(body)  # type: ignore[valid-type] # pydantic keeps each kind
    except ValidationError:
        documents = read_documents(body)
        items = tuple(read_message(to_json(document), schema) for document in documents.items)
        return Page[Message | UnreadableMessage].model_construct(
            items=items, next_link=documents.next_link, delta_link=documents.delta_link
        )
    return Page[Message | UnreadableMessage].model_construct(
        items=page.items, next_link=page.next_link, delta_link=page.delta_link
    )


def read_message(text: str, schema: type[Message] = Message) -> Message | UnreadableMessage:
    """Parse a message; one that does not fit is returned with its document and the reason."""
    try:
        return schema.model_validate_json(text)
    except ValidationError as error:
        document = json.loads(text)
        name = document.get("id") if isinstance(document, dict) else None
        return UnreadableMessage(
            id=name if isinstance(name, str) else None, reason=_reason(error), document=document
        )


def read_document(document: Any) -> tuple[str, Message | None, str | None]:
    """Return a message of a parsed page as the JSON to store, its readable fields, and why others are not readable."""
    try:
        text = encode_json(
            document, inf_nan_mode="constants"
        ).decode()  # refuses lone surrogates, as a row would
        return text, Message.model_validate(document), None
    except (ValidationError, ValueError, RecursionError):
        text = to_json(document)
        message = read_message(text)
        if isinstance(message, UnreadableMessage):
            return text, _readable_part(document), message.reason
        return text, message, None


def _readable_part(document: Any) -> Message | None:
    """Return the message without its fields that do not fit; None if it is not an object."""
    if not isinstance(document, dict):
        return None
    fields = well_formed(document)
    while True:
        try:
            return Message.model_validate(fields)
        except ValidationError as error:
            malformed = {problem["loc"][0] for problem in error.errors()}
            fields = {name: value for name, value in fields.items() if name not in malformed}
            fields.setdefault("id", "")


def read_folders(body: bytes) -> "Page[MailFolder | UnreadableFolder]":
    """Parse a page of folders; one that cannot be requested is an UnreadableFolder."""
    page = read_documents(body)
    return Page[Any].model_construct(
        items=tuple(map(_read_folder, page.items)), next_link=page.next_link, delta_link=page.delta_link
    )


def read_folder_id(body: bytes) -> str:
    """Return the id of a single folder; raise MalformedResponseError without one."""
    folder = _read_folder(_parse(body))
    if isinstance(folder, UnreadableFolder):
        raise MalformedResponseError(f"Microsoft Graph's folder is malformed: {folder.reason}")
    return folder.id


def read_folder_count(body: bytes) -> int | None:
    """Return the number of messages of a single folder."""
    folder = _read_folder(_parse(body))
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
        return UnreadableFolder(name, _reason(error))
    if not folder.id or len(folder.id) > MAX_ID:
        return UnreadableFolder(name, "its id is empty or too long")
    return folder


def to_json(document: Any) -> str:
    """Return JSON in ASCII, which every database stores unchanged, including NUL and lone surrogates."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def _parse(body: bytes) -> Any:
    """Parse JSON; the faster parser rejects some values that a message may contain."""
    try:
        return from_json(body)
    except ValueError:
        return parse_leniently(body)


def _reason(error: ValidationError) -> str:
    """Return the problems and their locations, without the values, which are private mail."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'message'}: {item['msg']}" for item in problems[:5]
    )
