"""The result of a digest."""

from pydantic import BaseModel


class Digest(BaseModel):
    """The number of an account's stored messages, and their most frequent sender."""

    account: str
    messages: int
    busiest: str | None
