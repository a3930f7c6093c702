"""The question that is asked of a mailbox."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

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

    folder: str | None = Field(
        default=None, description="Folder id or well-known name, such as inbox; None: all"
    )
    sender: str | None = Field(default=None, description="Address in From")
    subject_contains: str | None = Field(default=None, description="Part of the subject, in any case")
    received_after: datetime | None = Field(default=None, description="This instant or later")
    received_before: datetime | None = Field(default=None, description="Earlier than this instant")
    unread: bool | None = Field(default=None, description="True: unread only, False: read only")
    has_attachments: bool | None = Field(
        default=None, description="True: with attachments only, False: without"
    )
    filter: str | None = Field(default=None, description="A condition in OData, besides the others")
    search: str | None = Field(
        default=None, description="Words to search for; not with conditions or order_by"
    )
    order_by: Names = Field(default=(), description="Fields to order by, each with ' desc' where wanted")
    select: Names = Field(default=(), description="Fields to fetch; empty: those that Graph chooses")
    limit: int | None = Field(default=None, ge=1, description="Messages at most; None: all")
    page_size: int | None = Field(
        default=None, ge=1, le=1000, description="Messages a page; None: the service's"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            raise MailQueryError("; ".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"MailQuery has no '{name}'; it has: {', '.join(MailQuery.model_fields)}"
    return f"{name}: {problem['msg']}"
