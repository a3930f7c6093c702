"""Real servers for the tests and the demo, on loopback; they end with the process that started them."""


class ServerMissingError(RuntimeError):
    """A server cannot be started on this machine; the message says how to get it."""
