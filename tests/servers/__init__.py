"""Real servers for the tests and the demo, started on loopback and gone with the process that wanted them."""


class ServerMissingError(RuntimeError):
    """A server cannot be started on this machine; the message says how to get it."""
