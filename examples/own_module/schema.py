"""What a digest tells."""

from pydantic import BaseModel


class Digest(BaseModel):
    """How much mail of an account is stored, and who wrote most of it."""

    account: str
    messages: int
    busiest: str | None
