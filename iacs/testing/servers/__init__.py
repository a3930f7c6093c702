"""Real servers on loopback, for tests and demos; they end with the process that started them."""


class ServerMissingError(RuntimeError):
    """A server cannot be started on this machine; the message says how to get it."""
