"""Routing of paths below /v1.0, in all spellings of real clients."""

import re
from urllib.parse import unquote

from aiohttp import web

from iacs.sandbox.cloud import CLOUD
from iacs.sandbox.directory import Person
from iacs.sandbox.graph import applications, delta, folders, messages, people
from iacs.sandbox.graph.call import (
    Call,
    Preferences,
    authenticate,
    owner,
    require_mail_scope,
    require_mailbox,
)
from iacs.sandbox.graph.errors import GraphError, bad_request

_IN_BRACKETS = re.compile(r"^([A-Za-z.]+)\((?:appId=)?'(.*)'\)$")


def split_path(raw: str) -> tuple[str, ...]:
    """Return the segments: mailFolders('x') is mailFolders/x, delta() is delta, // is /."""
    segments: list[str] = []
    for part in filter(None, raw.split("/")):
        text = unquote(part).removeprefix("microsoft.graph.").removesuffix("()")
        keyed = _IN_BRACKETS.match(text)
        segments.extend([keyed[1], keyed[2].replace("''", "'")] if keyed else [text])
    return tuple(segments)


def _mail(call: Call, person: Person, rest: tuple[str, ...]) -> web.Response:
    """Respond to a path below a mailbox."""
    match rest:
        case ("mailFolders",):
            return folders.list_folders(call, person)
        case ("mailFolders", folder):
            return folders.get_folder(call, person, folder)
        case ("mailFolders", folder, "childFolders"):
            return folders.list_folders(call, person, folder)
        case ("mailFolders", folder, "messages"):
            return messages.list_messages(call, person, folder)
        case ("mailFolders", folder, "messages", "delta"):
            return delta.list_changes(call, person, folder)
        case ("messages",):
            return messages.list_messages(call, person)
        case ("mailFolders", _, "messages", *below) | ("messages", *below):
            return _message(call, person, below)
    raise bad_request(f"Resource not found for the segment '{rest[0]}'.")


def _message(call: Call, person: Person, below: list[str]) -> web.Response:
    match below:
        case [key]:
            return messages.get_message(call, person, key)
        case [key, "$value"]:
            return messages.get_mime(person, key)
        case [key, "attachments"]:
            return messages.list_attachments(call, person, key)
    raise bad_request(f"Resource not found for the segment '{below[-1]}'.")


def _target(segments: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Return the user (None: /me) and the rest of the path."""
    match segments:
        case ("me", *rest):
            return None, tuple(rest)
        case ("users", user, *rest):
            return user, tuple(rest)
    raise bad_request(f"Resource not found for the segment '{segments[0] if segments else ''}'.")


async def answer(request: web.Request) -> web.Response:
    """Respond to a request to Graph; raises GraphError."""
    grant = authenticate(request)
    if request.method != "GET":
        raise GraphError(405, "MethodNotAllowed", "This stand-in only reads: HTTP method not allowed.")
    raw = request.rel_url.raw_path.partition("/v1.0")[2]
    call = Call(request, request.app[CLOUD], grant, split_path(raw), Preferences.read(request.headers))
    if call.segments[:1] == ("applications",):
        return applications.answer(call)
    user, rest = _target(call.segments)
    person = owner(call, user)
    if not rest:
        return people.profile(call, person)
    require_mail_scope(call)
    require_mailbox(person)
    return _mail(call, person, rest)
