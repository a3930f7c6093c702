"""The parts of a MIME message: its body and its attachments."""

import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from typing import Any

from iacs.sandbox.mail.parameters import parameter
from iacs.sandbox.mail.text import decode

_POLICY = email.policy.compat32


@dataclass(frozen=True)
class Attachment:
    """A part that is not the body; `content` is decoded."""

    name: str | None
    content_type: str
    content_id: str | None
    is_inline: bool
    content: bytes


def parse(raw: bytes) -> Message:
    """Return the message; one nested too deeply for the parser is left as a single part."""
    try:
        return BytesParser(policy=_POLICY).parsebytes(raw)
    except RecursionError:
        return BytesHeaderParser(policy=_POLICY).parsebytes(raw)


def _payload(part: Message) -> Any:
    """Return the payload of a part; undecoded if the declared charset does not exist."""
    try:
        return part.get_payload()
    except (TypeError, ValueError):  # raised by the standard library for some charsets
        return part.get_payload(decode=True)


def _leaves(message: Message) -> Iterator[tuple[Message, bool]]:
    """Yield the parts that have content, in order, and whether they may be the body."""
    waiting = [(message, True)]
    while waiting:
        part, may_be_body = waiting.pop()
        may_be_body = may_be_body and part.get_content_disposition() != "attachment"
        is_multipart, payload = part.get_content_maintype() == "multipart", _payload(part)
        children = payload if is_multipart and isinstance(payload, list) else []
        if not children and not (is_multipart and not content(part).strip()):
            yield part, may_be_body
        only_first = part.get_content_subtype() == "related"
        for number, child in reversed(list(enumerate(children))):
            waiting.append((child, may_be_body and not (only_first and number)))


def _kind(part: Message) -> str:
    """Return the content type; a multipart whose parts cannot be separated is plain text (RFC 2046, 5.1)."""
    kind = part.get_content_type()
    return "text/plain" if kind.startswith("multipart/") else kind


def body_part(message: Message, *, prefer: str = "text/html") -> Message | None:
    """Return the preferred kind of text, else the other, else any text; None without any."""
    candidates = [
        part for part, may_be_body in _leaves(message) if may_be_body and _kind(part).startswith("text/")
    ]
    other = "text/plain" if prefer == "text/html" else "text/html"
    for kind in (prefer, other):
        for part in candidates:
            if _kind(part) == kind:
                return part
    return candidates[0] if candidates else None


def content(part: Message) -> bytes:
    """Return the bytes of a part without their transfer encoding; unchanged if that is malformed."""
    if part.is_multipart():
        return b"\n".join(child.as_bytes() for child in _payload(part) if isinstance(child, Message))
    try:
        data: Any = part.get_payload(decode=True)
    except ValueError:
        data = str(_payload(part)).encode("ascii", "surrogateescape")
    return data if isinstance(data, bytes) else b""


def text(part: Message) -> str:
    """Return the text of a part in its declared charset (default: ASCII)."""
    return decode(content(part), parameter(part, "Content-Type", "charset") or "us-ascii")


def body(message: Message, *, prefer: str = "text/html") -> dict[str, str] | None:
    """Return the body as Graph does: html if there is one, else text."""
    part = body_part(message, prefer=prefer)
    if part is None:
        return None
    return {"contentType": "html" if _kind(part) == "text/html" else "text", "content": text(part)}


def _file_name(part: Message) -> str | None:
    return parameter(part, "Content-Disposition", "filename") or parameter(part, "Content-Type", "name")


def _attachment(part: Message) -> Attachment:
    content_id = str(part.get("Content-ID", "")).strip(" <>") or None
    disposition = part.get_content_disposition()
    is_inline = disposition == "inline" or (disposition is None and content_id is not None)
    return Attachment(_file_name(part), part.get_content_type(), content_id, is_inline, content(part))


def attachments(message: Message) -> list[Attachment]:
    """Return the parts that are neither the body nor an alternative of it."""
    chosen, attached = body_part(message), []
    for part, may_be_body in _leaves(message):
        is_text = may_be_body and _kind(part) in {"text/plain", "text/html"} and not _file_name(part)
        if part is not chosen and not is_text:
            attached.append(_attachment(part))
    return attached
