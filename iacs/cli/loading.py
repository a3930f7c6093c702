"""Loading the container that a command inspects, from any package."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from types import ModuleType
from typing import TYPE_CHECKING, Any

from iacs.core.exceptions import ConfigurationError

if TYPE_CHECKING:
    from dependency_injector.containers import Container

DEFAULT = "iacs.containers:ApplicationContainer"

_NAME_ONE = "name a container, as in package.module:Container"


def load_container(name: str = DEFAULT) -> "Container":
    """Return the container that `module:Attribute` names: a container, its class, or a function that returns one.

    The working directory is searched before the installed packages. Raises ConfigurationError.
    """
    module_name, _, attribute = name.partition(":")
    if module_name.endswith(".py") or "/" in module_name or "\\" in name:
        raise _is_file(name)
    return _container(name, _attribute(_import(module_name), attribute))


def _is_file(name: str) -> ConfigurationError:
    """Return an error that names the module of a file; the path may be one of Windows."""
    drive = name[:2] if name[1:2] == ":" and name[2:3] in ("\\", "/") else ""
    file, _, attribute = name.removeprefix(drive).partition(":")
    file = f"{drive}{file}"
    path = PureWindowsPath(file) if "\\" in file else Path(file)
    if path.is_absolute():
        near = path.is_relative_to(Path.cwd())
        path = path.relative_to(Path.cwd()) if near else type(path)(path.name)
    dotted = ".".join(part for part in path.with_suffix("").parts if part != "..")
    return ConfigurationError(
        [f"{file} is a file, not a module"],
        hint=f"name its module, as in {dotted}:{attribute or 'Container'}",
    )


def _import(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)  # as python -m does
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(
                [f"there is no module {error.name} in {here} or among the installed packages"],
                hint="check the name, or run the command in the folder that contains the package",
            ) from error
        raise _failed(f"importing {name}", error) from error
    except ValueError as error:  # an empty name, or one that begins with a dot
        raise ConfigurationError([f"{name!r} is not the name of a module"], hint=_NAME_ONE) from error
    except Exception as error:  # a user's module may raise anything
        raise _failed(f"importing {name}", error) from error


def _failed(action: str, error: Exception) -> ConfigurationError:
    """Return an error that names the line in the user's code; only an import error's text is sure to hold no secret."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename not in (__file__, importlib.__file__)
    ]
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    what = f": {error}" if isinstance(error, ImportError | SyntaxError) else ""
    return ConfigurationError(
        [f"{action} failed{where} with {type(error).__name__}{what}"],
        hint="see the traceback with: iacs --debug …",
    )


def _attribute(module: ModuleType, name: str) -> Any:
    target: Any = module
    for part in name.split(".") if name else ():
        if not hasattr(target, part):
            raise ConfigurationError([f"{module.__name__} has no {name}"], hint=_instead(module, name))
        target = getattr(target, part)
    if target is module:
        raise ConfigurationError(
            [f"{module.__name__} is a module, not a container"], hint=_instead(module, name)
        )
    return target


def _instead(module: ModuleType, name: str) -> str:
    """Return a hint that names the containers of the module, or only the one whose name is close."""
    from iacs.suggestions import close_matches, did_you_mean

    known = sorted(key for key, value in vars(module).items() if _is_class(value) or _is_container(value))
    names = [f"{module.__name__}:{key}" for key in close_matches(name, known) or known]
    return did_you_mean(names, otherwise=_NAME_ONE)


def _is_container(value: Any) -> bool:
    return not isinstance(value, type) and getattr(value, "__IS_CONTAINER__", False) is True


def _is_class(value: Any) -> bool:
    """Return whether the value is a container class other than the library's own base class."""
    from dependency_injector.containers import DeclarativeContainer

    is_subclass = isinstance(value, type) and issubclass(value, DeclarativeContainer)
    return is_subclass and value is not DeclarativeContainer


def _container(name: str, target: Any) -> "Container":
    is_function = callable(target) and not _is_container(target)
    container = _made(name, target) if is_function else target
    if _is_container(container):
        return container  # type: ignore[no-any-return]
    kind = type(container).__name__
    raise ConfigurationError(
        [f"{name} {f'returned {kind}' if is_function else f'is {kind}'}, not a container"],
        hint="name a declarative container, or a function that returns one",
    )


def _made(name: str, factory: Callable[[], Any]) -> Any:
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        raise ConfigurationError(
            [f"{name} cannot be called without arguments ({error})"],
            hint="name a container, or a function without parameters that returns one",
        ) from error
    except ValueError:  # a builtin without a signature
        pass
    try:
        return factory()
    except Exception as error:  # a user's factory may raise anything
        raise _failed(f"calling {name}", error) from error
