"""Errors that prevent the stand-in from starting."""


class SandboxError(Exception):
    """The stand-in cannot start: mail that cannot be read, or an address that it cannot listen on."""
