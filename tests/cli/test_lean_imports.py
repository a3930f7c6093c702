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


AUTHORITIES = """
import ssl
from iacs.cli.lean_imports import OWN_PROCESS, load_authorities_lean

OWN_PROCESS.set({own})
load_authorities_lean()
verifying, other = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
other.check_hostname, other.verify_mode = False, ssl.CERT_NONE
other.load_default_certs()
print(*(bool(context.cert_store_stats()["x509"]) for context in (verifying, other)))
"""


@pytest.mark.parametrize("own", [True, False])
def test_a_context_that_verifies_nothing_has_no_authorities_in_the_process_of_a_command(own: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AUTHORITIES.format(own=own)], capture_output=True, text=True, check=True
    )
    verifying, other = done.stdout.split()
    assert other == str(not own and verifying == "True")
