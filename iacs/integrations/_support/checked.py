"""What every `setup` refuses."""

from iacs.core.exceptions import ConfigurationError
from iacs.runtime import Application


def check_application(application: object) -> None:
    """Raise ConfigurationError for what is not an Application, for example its container."""
    if not isinstance(application, Application):
        raise ConfigurationError(
            [f"setup takes an Application, and was passed a {type(application).__name__}"],
            hint="call setup(app, Application(container))",
        )
