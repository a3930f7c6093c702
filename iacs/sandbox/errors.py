"""What goes wrong before a request can be answered."""


class SandboxError(Exception):
    """Say why the stand-in cannot start: a mailbox it cannot read, an address it will not listen on."""
