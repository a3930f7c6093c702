"""Importing libraries without work that a command of iacs does not need."""

import ssl
import sys
from contextvars import ContextVar

OWN_PROCESS: ContextVar[bool] = ContextVar("own_process", default=False)
"""Whether the process belongs to the command line, so that nobody else uses the modules that it imports."""

_OPTIONAL = ("fast_depends", "fastapi", "starlette", "werkzeug", "yaml")
"""They serve `wire` and the files of `Configuration`, which the containers of iacs do not use; a command that loads
somebody's containers has them."""


def import_lean() -> None:
    """Import dependency_injector as if the optional packages were not installed, if the process is our own.

    Importing FastAPI and its dependencies takes a quarter of the CPU time of a short command.
    """
    if not OWN_PROCESS.get() or "dependency_injector" in sys.modules:
        return
    hidden = [name for name in _OPTIONAL if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # the import system's sign for "not found"
    try:
        import dependency_injector.containers
        import dependency_injector.providers
        import dependency_injector.wiring  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


def load_authorities_lean() -> None:
    """Load the system's CAs for TLS contexts that verify something only, if the process is our own.

    aiohttp makes a context of either kind while it is imported, and loading the CAs takes 35 ms.
    """
    if not OWN_PROCESS.get():
        return
    load = ssl.SSLContext.set_default_verify_paths

    def load_to_verify(context: ssl.SSLContext) -> None:
        if context.verify_mode != ssl.CERT_NONE:
            load(context)

    ssl.SSLContext.set_default_verify_paths = load_to_verify  # type: ignore[assignment, method-assign]
