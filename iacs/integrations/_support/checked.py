"""What every `setup` and `sign_in_pages` refuses."""

from iacs.core.exceptions import ConfigurationError
from iacs.runtime import Application


def check_application(application: object, *, call: str = "setup(app, Application(container))") -> None:
    """Raise ConfigurationError for what is not an Application, for example its container."""
    if not isinstance(application, Application):
        raise ConfigurationError(
            [f"{call.partition('(')[0]} takes an Application, and was passed a {type(application).__name__}"],
            hint=f"call {call}",
        )
