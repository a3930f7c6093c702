"""The same eight services, wired by hand and by each library as its documentation recommends."""

from benchmarks.rivals.bare import BareDependencyInjector
from benchmarks.rivals.dishka import Dishka
from benchmarks.rivals.handwritten import HandWritten
from benchmarks.rivals.iacs import Iacs
from benchmarks.rivals.rival import Rival
from benchmarks.rivals.svcs import Svcs
from benchmarks.rivals.that_depends import ThatDepends
from benchmarks.rivals.wireup import Wireup

LIBRARIES: tuple[type[Rival], ...] = (BareDependencyInjector, Dishka, Wireup, ThatDepends, Svcs)
CHECKING: tuple[type[Rival], ...] = (
    Dishka,
    Wireup,
)  # libraries that check the graph when a container is built
OURS: type[Rival] = Iacs
RIVALS: tuple[type[Rival], ...] = (OURS, *LIBRARIES, HandWritten)

__all__ = ["CHECKING", "LIBRARIES", "OURS", "RIVALS", "Rival"]
