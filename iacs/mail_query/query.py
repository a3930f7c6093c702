"""The question that is asked of a mailbox."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from iacs.core.exceptions import MailQueryError


def _one_is_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_is_many)]


class MailQuery(BaseModel):
    """Say which messages, in which order, how many and which of their fields; all conditions must hold.

    `filter` is OData and `search` KQL, as Graph documents them. Names of fields are those of `Message` or
    Graph's own. With `order_by` and a condition, messages without a value to order by are left out, since
    Graph sorts only what it filters. Raises MailQueryError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str | None = Field(None, description="Folder id or well-known name, such as inbox; None: all")
    sender: str | None = Field(None, description="Address in From")
    subject_contains: str | None = Field(None, description="Part of the subject, in any case")
    received_after: datetime | None = Field(None, description="This instant or later")
    received_before: datetime | None = Field(None, description="Earlier than this instant")
    unread: bool | None = Field(None, description="True: unread only, False: read only")
    has_attachments: bool | None = Field(None, description="True: with attachments only, False: without")
    filter: str | None = Field(None, description="A condition in OData, besides the others")
    search: str | None = Field(None, description="Words to search for; not with conditions or order_by")
    order_by: Names = Field((), description="Fields to order by, each with ' desc' where wanted")
    select: Names = Field((), description="Fields to fetch; empty: those that Graph chooses")
    limit: int | None = Field(None, ge=1, description="Messages at most; None: all")
    page_size: int | None = Field(None, ge=1, le=1000, description="Messages a page; None: the service's")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise MailQueryError("; ".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"MailQuery has no '{name}'; it has: {', '.join(MailQuery.model_fields)}"
    return f"{name}: {problem['msg']}"
