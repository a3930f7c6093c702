import re
from pathlib import Path

import iacs.runtime


def test_the_map_names_every_file_and_folder_of_the_runtime() -> None:
    named = set(re.findall(r"[a-z_]+", iacs.runtime.__doc__ or ""))
    folder = Path(iacs.runtime.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert (files | folders) - named == set()
