"""Messages: lists, single messages, and their original bytes."""

import base64
from typing import Any

from aiohttp import web

from iacs.sandbox.directory import Person
from iacs.sandbox.graph import query
from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.errors import bad_request, not_found
from iacs.sandbox.graph.folders import find_folder
from iacs.sandbox.graph.listing import page, select_properties
from iacs.sandbox.mail.mailbox import Mailbox, StoredMessage
from iacs.sandbox.mail.parts import attachments, body, parse
from iacs.sandbox.mail.preview import html_to_text

_ON_REQUEST = frozenset({"internetMessageHeaders"})


def _text_body(message: StoredMessage) -> dict[str, str] | None:
    """Return the body as text: the message's own rendering if it has one."""
    content = body(parse(message.raw), prefer="text/plain")
    if content is None or content["contentType"] == "text":
        return content
    return {"contentType": "text", "content": html_to_text(content["content"])}


def as_graph(call: Call, message: StoredMessage, select: str) -> dict[str, Any]:
    """Return the message with the kind of id and body and the properties that the request selects."""
    row = message.as_graph(immutable=call.preferences.immutable_ids)
    if call.preferences.text_body and row["body"]:
        row["body"] = _text_body(message)
    if not select.strip():
        return {key: value for key, value in row.items() if key not in _ON_REQUEST}
    return select_properties(row, select, query.MESSAGE_PROPERTIES, "message")


def find_message(mailbox: Mailbox, key: str) -> StoredMessage:
    """Return the message with this id; raises GraphError."""
    message = mailbox.find(key)
    if message is None:
        raise not_found("")
    return message


def _reject_expand(call: Call) -> None:
    if "$expand" in call.query:
        raise bad_request("This stand-in does not support $expand on messages.")


def list_messages(call: Call, person: Person, folder: str | None = None) -> web.Response:
    """Return a page of all messages, or of those in a folder."""
    _reject_expand(call)
    mailbox = person.mailbox
    everything = mailbox.messages
    if folder is not None:
        everything = tuple(find_folder(mailbox, folder).messages.values())
    matching = query.run(everything, call.query)
    part, link = page(call, [message.immutable_id for message in matching])
    select = call.query.get("$select", "")
    return call.answer({
        "@odata.context": f"{call.base}/$metadata#users('{person.object_id}')/messages",
        **({"@odata.count": len(matching)} if call.query.get("$count") == "true" else {}),
        "value": [as_graph(call, message, select) for message in matching[part]],
        **link,
    })  # fmt: skip


def get_message(call: Call, person: Person, key: str) -> web.Response:
    """Return one message."""
    _reject_expand(call)
    row = as_graph(call, find_message(person.mailbox, key), call.query.get("$select", ""))
    context = f"{call.base}/$metadata#users('{person.object_id}')/messages/$entity"
    return call.answer({"@odata.context": context, **row})


def get_mime(person: Person, key: str) -> web.Response:
    """Return the bytes of the message, as in the file."""
    return web.Response(body=find_message(person.mailbox, key).raw, content_type="text/plain")


def list_attachments(call: Call, person: Person, key: str) -> web.Response:
    """Return all attachments with their contents."""
    message = find_message(person.mailbox, key)
    rows = [
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "id": f"{key}.{number}",
            "name": attachment.name,
            "contentType": attachment.content_type,
            "contentId": attachment.content_id,
            "size": len(attachment.content),
            "isInline": attachment.is_inline,
            "contentBytes": base64.b64encode(attachment.content).decode(),
        }
        for number, attachment in enumerate(attachments(parse(message.raw)))
    ]
    known = frozenset(rows[0]) if rows else frozenset()
    select = call.query.get("$select", "") if rows else ""
    return call.answer({"value": [select_properties(row, select, known, "attachment") for row in rows]})
