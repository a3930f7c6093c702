"""What to do about an answer of the brokers that is an error."""

from iacs.core._kafka import driver

_HINTS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        driver.TOO_LARGE,
        "publish less, for example the address of large data: a topic takes max.message.bytes, and this client 1 MiB",
    ),
    (
        driver.NOT_AUTHORIZED,
        "have the user of KAFKA_SASL_USERNAME, or the client certificate, authorized for it",
    ),
    (driver.INVALID_TOPIC, "use up to 249 letters, digits, '.', '_' and '-' for the name of a topic"),
)


def hint_of(error: BaseException) -> str:
    """Return what to do about an error of the driver."""
    for types, hint in _HINTS:
        if isinstance(error, types):
            return hint
    return "look for the error in the log of the brokers"
