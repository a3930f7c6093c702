import re
from pathlib import Path

import iacs.core


def test_the_map_names_every_file_of_the_core() -> None:
    named = set(re.findall(r"[a-z_]+", iacs.core.__doc__ or ""))
    folder = Path(iacs.core.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} - named == set()
