"""Pages of Graph's lists, parsed without losing an item that does not fit.

Every kind of Page is a model that takes a while to build, so annotations name it in quotes.
"""

import json
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from pydantic_core import to_json as encode_json

from iacs.core.exceptions import MalformedResponseError
from iacs.mail_query.schema import MailFolder, Message, UnreadableMessage

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Items, and the link to the next page or to later changes."""

    model_config = ConfigDict(frozen=True)

    items: tuple[T, ...] = Field(alias="value")
    next_link: str | None = Field(None, alias="@odata.nextLink")
    delta_link: str | None = Field(None, alias="@odata.deltaLink")


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


def read_document(document: Any) -> tuple[str, Message | UnreadableMessage]:
    """Return a message of a parsed page as the JSON to store, and as `read_message` returns it."""
    try:
        text = encode_json(
            document, inf_nan_mode="constants"
        ).decode()  # refuses lone surrogates, as a row would
        return text, Message.model_validate(document)
    except (ValidationError, ValueError, RecursionError):
        text = to_json(document)
        return text, read_message(text)


def read_folders(body: bytes) -> "Page[MailFolder]":
    """Parse a page of folders; raise MalformedResponseError for a folder that does not fit."""
    try:
        return Page[MailFolder].model_validate_json(body)
    except ValidationError as error:
        raise MalformedResponseError(
            f"Microsoft Graph's list of folders is malformed: {_reason(error)}"
        ) from None


def to_json(document: Any) -> str:
    """Return JSON in ASCII, which every database stores unchanged, including NUL and lone surrogates."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def _parse(body: bytes) -> Any:
    """Parse JSON; the faster parser rejects lone surrogates, the standard library does not."""
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedResponseError(
            "Microsoft Graph's answer is not JSON, or is cut off", hint="try again later"
        ) from error


def _reason(error: ValidationError) -> str:
    """Return the problems and their locations, without the values, which are private mail."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'message'}: {item['msg']}" for item in problems[:5]
    )
