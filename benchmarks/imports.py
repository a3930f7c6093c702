"""The CPU time of importing iacs, compared with a bare interpreter and with the two libraries that its containers use.

Usage: python benchmarks/imports.py [PAIRS]      (processes of either kind take turns; default: 21 pairs)
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile

BARE = "pass"
PACKAGE = "import iacs"
LIBRARIES = "import dependency_injector.containers, pydantic_settings"
CONTAINERS = "import iacs.containers"


def run(statement: str, environment: dict[str, str]) -> float:
    """Return the CPU milliseconds that a fresh interpreter takes for a statement, including its start and exit."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(base: str, statement: str, pairs: int, environment: dict[str, str]) -> str:
    """Return both medians as text, with difference and ratio; the first pair is a warm-up."""
    times = [(run(base, environment), run(statement, environment)) for _ in range(1 + pairs)][1:]
    before, after = (statistics.median(kind) for kind in zip(*times, strict=True))
    return f"{after:6.1f} ms beside {before:6.1f} ms: {after - before:+6.1f} ms, x {after / before:.2f}"


def main(pairs: int, environment: dict[str, str]) -> None:
    """Print the time of each import beside its limit."""
    package = compare(BARE, PACKAGE, pairs, environment)
    print(f"{PACKAGE:22} {package} (limit: + 5 ms)")  # noqa: T201
    containers = compare(LIBRARIES, CONTAINERS, pairs, environment)
    print(f"{CONTAINERS:22} {containers} (limit: x 1.30)")  # noqa: T201


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 21, inherited | {"PYTHONPYCACHEPREFIX": folder})
