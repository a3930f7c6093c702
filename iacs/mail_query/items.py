"""Items of Graph's lists, each parsed without losing one that does not fit."""

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json
from pydantic_core import to_json as encode_json

from iacs.mail_query.lenient_json import parse_leniently, well_formed
from iacs.mail_query.schema import Message, UnreadableMessage

MAX_ID = 1000
"""The length of the longest id that is stored as it is: an index of PostgreSQL has no room for much longer ones."""


def read_item(text: bytes, schema: type[Message] = Message) -> Message | UnreadableMessage:
    """Parse the JSON of an item, whatever it is; one that does not fit is returned with its document and the reason."""
    try:
        return validate(text, schema)
    except ValidationError:
        return read_message(to_json(parse_item(text)), schema)


def read_message(text: str, schema: type[Message] = Message) -> Message | UnreadableMessage:
    """Parse a message; one that does not fit is returned with its document and the reason."""
    try:
        return validate(text, schema)
    except ValidationError as error:
        document = json.loads(text)
        name = document.get("id") if isinstance(document, dict) else None
        return UnreadableMessage(
            id=name if isinstance(name, str) else None, reason=reason_of(error), document=document
        )


def validate(text: bytes | str, schema: type[Message]) -> Message:
    """Parse a message; raise ValidationError. Strict validation takes the usual forms alone, in two thirds of the time."""
    try:
        return schema.model_validate_json(text, strict=True)
    except ValidationError:
        return schema.model_validate_json(text)


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


def to_json(document: Any) -> str:
    """Return JSON in ASCII, which every database stores unchanged, including NUL and lone surrogates."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def parse(body: bytes) -> Any:
    """Parse JSON; the faster parser rejects some values that a message may contain."""
    try:
        return from_json(body)
    except ValueError:
        return parse_leniently(body)


def parse_item(text: bytes) -> Any:
    """Parse the JSON of an item of a page as `parse` does."""
    return parse(b'{"value":[' + text + b"]}")["value"][0]


def reason_of(error: ValidationError) -> str:
    """Return the problems and their locations, without the values, which are private mail."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'message'}: {item['msg']}" for item in problems[:5]
    )
