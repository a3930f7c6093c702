"""Mail: Microsoft Graph's message under Python names, with no value made up."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


def _parsed(value: object) -> object:
    """Return what pydantic may take for an instant; it would take numbers, also as text, for seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T"):
        return value
    raise ValueError("should be an ISO 8601 instant")


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("should have a time zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 of UTC") from None


def _parsed_or_none(value: object) -> object:
    """Return None also for the first day of year 1, which Exchange writes where there is no date."""
    is_missing = value is None or (isinstance(value, str) and value.startswith("0001-01-01"))
    return None if is_missing else _parsed(value)


class _UsualOptionalInstant:
    """Strict validation takes null and the form in which Graph writes instants, for which no Python code is called."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = r"^[12]\d{3}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\dZ$"
        parse = core_schema.no_info_plain_validator_function(datetime.fromisoformat)
        usual = core_schema.chain_schema([core_schema.str_schema(pattern=pattern), parse])
        return core_schema.lax_or_strict_schema(handler(source), core_schema.nullable_schema(usual))


class _UsualMany:
    """Strict validation takes arrays alone, for which no Python code is called."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.lax_or_strict_schema(
            core_schema.no_info_before_validator_function(_none_as_empty, handler(source)), handler(source)
        )


def _none_as_empty(value: object) -> object:
    return () if value is None else value


_Utc = Annotated[datetime, AfterValidator(_in_utc)]
Instant = Annotated[_Utc, BeforeValidator(_parsed)]
OptionalInstant = Annotated[_Utc | None, BeforeValidator(_parsed_or_none), _UsualOptionalInstant()]
Many = Annotated[tuple[T, ...], _UsualMany()]


class GraphModel(BaseModel):
    """An object of Graph: camelCase there, snake_case here; other fields are in `model_extra`."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,  # until the first message: a container imports this file to name the service
        extra="allow",
        frozen=True,
        populate_by_name=True,
    )


class EmailAddress(GraphModel):
    """A name and an address; mail may lack either."""

    name: str | None = None
    address: str | None = None


class Recipient(GraphModel):
    """A sender or recipient of a message."""

    email_address: EmailAddress | None = None

    @property
    def name(self) -> str | None:
        """The display name, None without one."""
        return self.email_address.name if self.email_address else None

    @property
    def address(self) -> str | None:
        """The address, None without one."""
        return self.email_address.address if self.email_address else None


class Body(GraphModel):
    """A body, or the part of it that is unique in its conversation."""

    content_type: str | None = None
    content: str | None = None


class InternetMessageHeader(GraphModel):
    """A header line; Graph returns them only if `select` includes `internet_message_headers`."""

    name: str | None = None
    value: str | None = None


class FollowupFlag(GraphModel):
    """The follow-up flag: notFlagged, flagged or complete."""

    flag_status: str | None = None


class Message(GraphModel):
    """A message; missing values are None, missing lists are empty.

    Instants are aware and in UTC. For the meaning of the fields see Graph's resource type `message`.
    """

    id: str
    change_key: str | None = None
    internet_message_id: str | None = None
    subject: str | None = None
    body_preview: str | None = None
    body: Body | None = None
    unique_body: Body | None = None
    from_: Recipient | None = Field(default=None, alias="from")
    sender: Recipient | None = None
    to_recipients: Many[Recipient] = ()
    cc_recipients: Many[Recipient] = ()
    bcc_recipients: Many[Recipient] = ()
    reply_to: Many[Recipient] = ()
    sent_at: OptionalInstant = Field(default=None, alias="sentDateTime")
    received_at: OptionalInstant = Field(default=None, alias="receivedDateTime")
    created_at: OptionalInstant = Field(default=None, alias="createdDateTime")
    modified_at: OptionalInstant = Field(default=None, alias="lastModifiedDateTime")
    is_read: StrictBool | None = None
    is_draft: StrictBool | None = None
    has_attachments: StrictBool | None = None
    importance: str | None = None
    inference_classification: str | None = None
    flag: FollowupFlag | None = None
    categories: Many[str] = ()
    conversation_id: str | None = None
    conversation_index: str | None = None
    parent_folder_id: str | None = None
    web_link: str | None = None
    internet_message_headers: Many[InternetMessageHeader] = ()
    is_delivery_receipt_requested: StrictBool | None = None
    is_read_receipt_requested: StrictBool | None = None


class UnreadableMessage(BaseModel):
    """A message that does not fit `Message`, with its document unchanged."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str | None
    reason: str
    document: Any


class MailFolder(GraphModel):
    """A mail folder."""

    id: str
    display_name: str | None = None
    parent_folder_id: str | None = None
    child_folder_count: int | None = None
    total_item_count: int | None = None


CoverageState = Literal["synced", "failed", "pending", "hidden", "search"]


class FolderCoverage(BaseModel):
    """What is stored of a folder: `in_graph` and `stored` count messages, `unreadable` is part of `stored`.

    `in_graph` is None where Graph gives no number. A folder is `hidden` or a `search` folder, whose messages are in
    others: neither is synced; or it is synced, failed for the reason in `problem`, or not synced yet.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    name: str
    state: CoverageState
    in_graph: int | None
    stored: int = 0
    unreadable: int = 0
    synced_at: str | None = None
    since: str | None = None
    problem: str | None = None


class Coverage(BaseModel):
    """What a sync covers of a mailbox, and what it does not.

    `recoverable` is the number of deleted messages that are not in a folder any more, None if Graph does not give it;
    `unlisted` describes parts of the list of folders that could not be read.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    account: str
    folders: tuple[FolderCoverage, ...]
    recoverable: int | None = None
    unlisted: tuple[str, ...] = ()


FolderState = Literal["pending", "synced", "failed", "deleted"]
"""How far the sync of a folder is: `failed` folders are tried again by the next sync."""


class FolderResult(BaseModel):
    """The sync of one folder; `problem` is the reason of a failure, `seen` and `new` count its messages.

    Mail received before `since` is left out, None if all of it is stored.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    name: str
    state: FolderState
    problem: str | None = None
    since: str | None = None
    seen: int = 0
    new: int = 0


class SyncResult(BaseModel):
    """The counts of a sync, and the result of each of its folders.

    `seen` counts the messages that Graph returned: `new` ones were stored for the first time, `updated` ones
    differed from their stored state, `unreadable` ones did not fit the schema. `removed` messages left their
    folder and are in no other. `published` counts events, including those that an earlier sync left.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    account: str
    folders: int
    seen: int
    new: int
    updated: int
    removed: int
    unreadable: int
    published: int
    folder_results: tuple[FolderResult, ...] = ()

    @property
    def failed(self) -> tuple[FolderResult, ...]:
        """The folders that could not be synced; the next sync tries them again."""
        return tuple(folder for folder in self.folder_results if folder.state == "failed")


class SyncProgress(SyncResult):
    """The counts of a sync so far, and the folder of the page just stored: `folder_number` of `folders`.

    Several folders are read at the same time.

    `done` is the number of messages of `folder` so far, `total` the number that it will return: None if only
    changes are fetched, since their number is unknown. `seen` and `expected` are the same for all folders.
    """

    folder: str
    done: int
    total: int | None
    expected: int | None
    folder_number: int
