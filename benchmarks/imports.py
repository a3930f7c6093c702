"""What importing iacs costs: beside a bare interpreter, and beside the two libraries that its containers stand on.

Usage: python benchmarks/imports.py [PAIRS]      (processes of either kind take turns; 21 pairs unless told)
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

BARE = "pass"
PACKAGE = "import iacs"
LIBRARIES = "import dependency_injector.containers, pydantic_settings"
CONTAINERS = "import iacs.containers"


def run(statement: str, environment: dict[str, str]) -> float:
    """Return the milliseconds that a fresh interpreter takes for a statement, its start and end included."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)  # noqa: S603
    return 1000 * (time.perf_counter() - start)


def measure(base: str, statement: str, pairs: int, environment: dict[str, str]) -> tuple[float, float]:
    """Return the medians of two statements; the first pair fills the bytecode cache and does not count."""
    times = [(run(base, environment), run(statement, environment)) for _ in range(1 + pairs)][1:]
    return statistics.median(first for first, _ in times), statistics.median(second for _, second in times)


def main(pairs: int, environment: dict[str, str]) -> None:
    """Print both medians of each pair, and what they promise."""
    bare, package = measure(BARE, PACKAGE, pairs, environment)
    print(
        f"{PACKAGE:24} {package:>6.1f} ms, bare      {bare:>6.1f} ms: + {package - bare:.1f} ms, promised + 5"
    )  # noqa: T201
    libraries, containers = measure(LIBRARIES, CONTAINERS, pairs, environment)
    ratio = containers / libraries
    print(
        f"{CONTAINERS:24} {containers:>6.1f} ms, libraries {libraries:>6.1f} ms: x {ratio:.2f}, promised x 1.30"
    )  # noqa: T201


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 21, inherited | {"PYTHONPYCACHEPREFIX": folder})
