"""A query of a mailbox."""

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
    """Which messages, in which order, how many, and which of their fields; all conditions must hold.

    `filter` is OData and `search` KQL, as Graph documents them; Graph refuses `search` beside a condition or
    `order_by`. Names of fields are those of `Message` or Graph's own. With `order_by` and a condition,
    messages without a value to order by are left out, since Graph sorts only what it filters. Raises
    MailQueryError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str | None = Field(
        default=None, description="Folder id or well-known name, such as inbox (default: all folders)"
    )
    sender: str | None = Field(default=None, description="Sender address")
    subject_contains: str | None = Field(default=None, description="Part of the subject, ignoring case")
    received_after: datetime | None = Field(default=None, description="Received at this instant or later")
    received_before: datetime | None = Field(default=None, description="Received before this instant")
    unread: bool | None = Field(default=None, description="True: unread only, False: read only")
    has_attachments: bool | None = Field(
        default=None, description="True: with attachments only, False: without"
    )
    filter: str | None = Field(default=None, description="An additional condition, in OData")
    search: str | None = Field(
        default=None, description="Search terms, in KQL; without conditions and order_by"
    )
    order_by: Names = Field(default=(), description="Fields to sort by, each with ' desc' to reverse")
    select: Names = Field(default=(), description="Fields to fetch (default: those that Graph chooses)")
    limit: int | None = Field(default=None, ge=1, description="Maximum number of messages (default: all)")
    page_size: int | None = Field(
        default=None, ge=1, le=1000, description="Messages per page (default: the service's)"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            query = handler(values)
        except ValidationError as error:
            raise MailQueryError("; ".join(map(_sentence, error.errors()))) from None
        if query.search is not None:
            query._refuse_beside_search()
        return query

    def _refuse_beside_search(self) -> None:
        """Source: Microsoft Graph, "Use the $search query parameter": with neither $filter nor $orderby."""
        values = self.model_dump(include=_NOT_BESIDE_SEARCH, exclude_defaults=True)
        if values:
            raise MailQueryError(
                f"Graph refuses search together with {', '.join(values)}",
                hint="leave them out, or express them within search, for example "
                "'from:pelle received>=2026-11-01'; Graph sorts the results of a search by date",
            )


_NOT_BESIDE_SEARCH = {
    *("sender", "subject_contains", "received_after", "received_before", "unread", "has_attachments"),
    *("filter", "order_by"),
}


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"MailQuery has no '{name}'; it has: {', '.join(MailQuery.model_fields)}"
    return f"{name}: {problem['msg']}"
