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

Names = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
]


class MailQuery(BaseModel):
    """A query: conditions that must all hold, the order, the number of messages, and the fields to fetch.

    `filter` is OData and `search` is KQL, as documented for Graph, which rejects `search` together with a
    condition or `order_by`. Fields are named as in `Message` or as in Graph. With `order_by` and a condition,
    messages without a value to sort by are left out, since Graph sorts only by what it filters. Raises
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
    filter: str | None = Field(default=None, description="Additional condition, in OData")
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
            problems = error.errors()
            is_misspelt = any(problem["type"] == "extra_forbidden" for problem in problems)
            raise MailQueryError(
                "; ".join(map(_sentence, problems)),
                hint=f"the fields are {', '.join(cls.model_fields)}" if is_misspelt else "",
            ) from None
        if query.search is not None:
            query._refuse_beside_search()
        return query

    def _refuse_beside_search(self) -> None:
        """Raise MailQueryError for conditions beside `search`.

        Source: Microsoft Graph, "Use the $search query parameter": with neither $filter nor $orderby.
        """
        values = self.model_dump(include=_NOT_BESIDE_SEARCH, exclude_defaults=True)
        if values:
            raise MailQueryError(
                f"Graph rejects search together with {', '.join(values)}",
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
        return f"MailQuery has no field '{name}'"
    return f"{name}: {problem['msg']}"
