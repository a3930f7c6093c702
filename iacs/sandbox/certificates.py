"""A certificate authority for https on loopback, created for every run."""

import ssl
from pathlib import Path

from iacs.sandbox.errors import SandboxError

NAMES = ("127.0.0.1", "::1", "localhost", "login.microsoftonline.com", "graph.microsoft.com")


def server_context(ca_file: Path) -> ssl.SSLContext:
    """Issue a server certificate, and write the certificate of its authority to `ca_file` (PEM).

    Raises SandboxError if trustme is not installed.
    """
    try:
        import trustme
    except ImportError as error:
        raise SandboxError("https needs the package trustme: pip install 'iacsgraph[sandbox]'") from error
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    return context
