"""One call of a function whose parameter is injected from the running application."""

from dependency_injector import containers, providers

from benchmarks.measure import collected, often
from benchmarks.rivals.graph import Config
from iacs.runtime import Application, inject


class Container(containers.DeclarativeContainer):
    """One part to inject."""

    config = providers.Singleton(Config)


@inject
def handle(config: Config) -> Config:
    """Return what was injected."""
    return config


def measure(rounds: int) -> list[float]:
    """Return each round's microseconds for one call; the first call, which binds the function, is not among them."""
    with Application(Container()).sync(), collected():
        handle()
        return [often(handle) for _ in range(rounds)]
