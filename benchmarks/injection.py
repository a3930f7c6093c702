"""One call of a function whose parameter is injected from the running application."""

from dependency_injector import containers, providers

from benchmarks.measure import collected, often
from benchmarks.rivals.graph import Config
from iacs.runtime import Application, inject


class Container(containers.DeclarativeContainer):
    """A part to inject."""

    config = providers.Singleton(Config)


@inject
def handle(config: Config) -> Config:
    """Return the injected part."""
    return config


def measure(rounds: int) -> list[float]:
    """Return the microseconds of one call per round, without the first call, which binds the function."""
    with Application(Container()).sync(), collected():
        handle()
        return [often(handle) for _ in range(rounds)]
