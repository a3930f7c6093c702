"""Finds the container that a command is about, anyone's."""

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from iacs.core.exceptions import ConfigurationError

if TYPE_CHECKING:
    from dependency_injector.containers import Container

DEFAULT = "iacs.containers:ApplicationContainer"


def load_container(name: str = DEFAULT) -> "Container":
    """Return the container of `module:Attribute`: a container, its class, or a function that returns one.

    The module is looked for in the working directory too. Raise ConfigurationError when it is not there, or
    is not that.
    """
    module_name, _, attribute = name.partition(":")
    if module_name.endswith(".py") or "/" in module_name:
        dotted = ".".join(Path(module_name).with_suffix("").parts)
        raise ConfigurationError(
            [f"{module_name} is a file: name its module, as in {dotted}:{attribute or 'Container'}"]
        )
    module = _import(module_name)
    target = _attribute(module, attribute)
    return _container(name, target)


def _import(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)  # as python -m does
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError([_no_module(name, error.name, here)]) from error
        raise _failed(f"importing {name}", error) from error
    except ValueError as error:  # an empty name, or one that begins with a dot
        raise ConfigurationError(
            [f"{name!r} is not a module: name one, as in package.module:Container"]
        ) from error
    except Exception as error:  # the module is somebody else's and may raise anything
        raise _failed(f"importing {name}", error) from error


def _no_module(name: str, missing: str, here: str) -> str:
    inside = f" (there is no {missing})" if missing != name else ""
    return f"no module {name}{inside}: it is looked for in {here} and among what is installed"


def _failed(doing: str, error: Exception) -> ConfigurationError:
    """Tell where somebody's own code failed; only an import error's text is sure to hold no secret."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if _is_theirs(each.filename)]
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    what = f": {error}" if isinstance(error, ImportError | SyntaxError) else ""
    hint = "correct it, or see the traceback with: iacs --debug …"
    return ConfigurationError([f"{doing} failed{where} with {type(error).__name__}{what}; {hint}"])


def _is_theirs(filename: str) -> bool:
    return not filename.startswith("<frozen") and filename not in (__file__, importlib.__file__)


def _attribute(module: ModuleType, name: str) -> Any:
    target: Any = module
    for part in name.split(".") if name else ():
        if not hasattr(target, part):
            raise ConfigurationError([f"{module.__name__} has no {name}: {_instead(module, name)}"])
        target = getattr(target, part)
    if target is module:
        raise ConfigurationError([f"{module.__name__} is a module: {_instead(module, name)}"])
    return target


def _instead(module: ModuleType, name: str) -> str:
    from iacs.runtime.graph.suggestions import close_matches, did_you_mean

    known = sorted(key for key, value in vars(module).items() if _is_class(value) or _is_container(value))
    names = [f"{module.__name__}:{key}" for key in close_matches(name, known) or known]
    return did_you_mean(names, otherwise="name a container in it, as in module:Container")


def _is_container(value: Any) -> bool:
    return not isinstance(value, type) and getattr(value, "__IS_CONTAINER__", False) is True


def _is_class(value: Any) -> bool:
    from dependency_injector.containers import DeclarativeContainer

    is_one = isinstance(value, type) and issubclass(value, DeclarativeContainer)
    return is_one and value is not DeclarativeContainer


def _container(name: str, target: Any) -> "Container":
    made = target if _is_container(target) or not callable(target) else _made(name, target)
    if _is_container(made):
        return made  # type: ignore[no-any-return]
    what = "gives" if made is not target else "is"
    raise ConfigurationError(
        [
            f"{name} {what} no container but {type(made).__name__}: name a declarative container, or what returns one"
        ]
    )


def _made(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:  # the factory is somebody else's and may raise anything
        raise _failed(f"making {name}", error) from error
