import subprocess
import sys

import pytest

SCRIPT = """
import sys
from iacs.cli.lean_imports import OWN_PROCESS, import_lean

OWN_PROCESS.set({own})
import_lean()
from iacs.containers import ApplicationContainer
ApplicationContainer()
print("fastapi" in sys.modules)
import fastapi, starlette, werkzeug, yaml
"""


@pytest.mark.parametrize("own", [True, False])
def test_only_the_process_of_a_command_leaves_out_what_its_containers_do_not_use(own: bool) -> None:
    pytest.importorskip("fastapi")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(own=own)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(not own)
