"""The events that iacs publishes, as JSON Schemas and as an AsyncAPI document; the same bytes every time."""

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from iacs.account.events import (
    AccountDisabled,
    AccountEnabled,
    AccountRecovered,
    AccountSignInRequired,
    AuditRecord,
)
from iacs.core.dead_letters import DeadLetter
from iacs.mail_query.events import MailReceived

if TYPE_CHECKING:
    from iacs.core.config import Config

VERSION = "1.1.0"
"""The version of the events; the major number changes when consumers may have to change."""

_HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "Attributes of CloudEvents 1.0: Kafka protocol binding, binary content mode",
    "required": ["ce_id", "ce_source", "ce_specversion", "ce_time", "ce_type", "content-type"],
    "properties": {
        "ce_id": {"type": "string", "description": "The same when an event is delivered again"},
        "ce_partitionkey": {"type": "string", "description": "The key of the record"},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_specversion": {"const": "1.0"},
        "ce_subject": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
    },
}


class _Shape(NamedTuple):
    """One kind of event: where it is published, and what its value and key are."""

    channel: str
    topic: str
    model: type[BaseModel]
    key: str

    @property
    def name(self) -> str:
        """The name of the message and of its schema."""
        return self.model.__name__


def json_schemas(config: "Config") -> str:
    """Return one JSON Schema that every event's value satisfies, with a definition for each kind."""
    shapes = _shapes(config)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the events that iacs publishes",
        "oneOf": [{"$ref": f"#/$defs/{shape.name}"} for shape in shapes],
        "$defs": _definitions(shapes, "#/$defs/{model}"),
    }
    return _text(document)


def asyncapi(config: "Config") -> str:
    """Return an AsyncAPI 3 document of the topics and their messages."""
    shapes = _shapes(config)
    channels, operations = dict[str, Any](), dict[str, Any]()
    for channel, group in groupby(shapes, key=lambda shape: shape.channel):
        members = list(group)
        reference = f"#/channels/{channel}"
        channels[channel] = {
            "address": members[0].topic,
            "messages": {shape.name: {"$ref": f"#/components/messages/{shape.name}"} for shape in members},
        }
        operations[f"{channel}.publish"] = {
            "action": "send",
            "channel": {"$ref": reference},
            "messages": [{"$ref": f"{reference}/messages/{shape.name}"} for shape in members],
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of iacs",
            "version": VERSION,
            "description": "What iacs publishes through Kafka, or the event log in its database",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {shape.name: _message(shape) for shape in shapes},
            "schemas": _definitions(shapes, "#/components/schemas/{model}"),
        },
    }
    return _text(document)


def _shapes(config: "Config") -> list[_Shape]:
    return [
        _Shape("mailReceived", config.mail_topic, MailReceived, "Id of the account"),
        *(
            _Shape("accountChanged", config.account_topic, model, "Id of the account")
            for model in (AccountSignInRequired, AccountRecovered, AccountEnabled, AccountDisabled)
        ),
        _Shape(
            "audit", config.audit_topic, AuditRecord, "Id of the account, or of an operation on all of them"
        ),
        _Shape("deadLetter", config.dead_letter_topic, DeadLetter, "topic/partition/offset of the record"),
    ]


def _definitions(shapes: list[_Shape], template: str) -> dict[str, Any]:
    _, schema = models_json_schema(
        [(shape.model, "serialization") for shape in shapes], by_alias=True, ref_template=template
    )
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _message(shape: _Shape) -> dict[str, Any]:
    kind = shape.model.model_fields["type"].default
    headers = {**_HEADERS, "properties": {**_HEADERS["properties"], "ce_type": {"const": kind}}}
    key = {"type": "string", "description": shape.key}
    return {
        "name": kind,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"#/components/schemas/{shape.name}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
