"""Finds the container that a command is about."""

import importlib
from typing import Any

from iacs.core.exceptions import ConfigurationError

DEFAULT = "iacs.containers:ApplicationContainer"


def load_container(name: str = DEFAULT) -> Any:
    """Return the container that `module:Attribute` names; raise ConfigurationError when there is none."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (AttributeError, ImportError, ValueError) as error:
        raise ConfigurationError([f"{name}: {error}"]) from error
    return found() if callable(found) else found
