"""The ways in which real tenants differ, as settings that a test may change while the cloud runs."""

from dataclasses import dataclass


@dataclass
class Behaviour:
    """Hold how the cloud behaves towards every client; durations are seconds."""

    access_token_lifetime: int = 4027
    """Not a round hour on purpose: Entra ID draws it between 60 and 90 minutes."""
    refresh_in: int | None = None
    """Sent when set: the age at which a client should refresh ahead of time."""
    strict_rotation: bool = False
    """Revoke every token of a sign-in when a replaced refresh token comes back (Entra ID lets it live)."""
    code_lifetime: int = 600
    device_code_lifetime: int = 900
    device_code_interval: int = 5
    empty_pages: bool = False
    """Answer every second delta page without items, as the delta documentation allows."""
    mailbox_concurrency: int | None = 4
    """Requests that one mailbox serves at a time; one more is refused with 429."""
