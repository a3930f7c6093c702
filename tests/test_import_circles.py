import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import iacs

ROOT = Path(iacs.__file__).parent


def modules() -> dict[str, Path]:
    """Every module of the package; the linked folders are part of it."""
    paths = [path for folder in (ROOT, ROOT / "containers", ROOT / "sql") for path in folder.rglob("*.py")]
    return {name_of(path): path for path in paths}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """What one file imports of the others, inside functions and for the type checker too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by a relative name"
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else str(node.module)


def test_no_files_import_each_other_in_a_circle() -> None:
    known = modules()
    assert len(known) > 100
    graph = {module: set(imports(module, path, known)) - {module} for module, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(reversed(error.args[1]))) from None
