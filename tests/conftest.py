"""Every test starts without the caller's settings and in an empty folder, so that no `.env` is read."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from iacs.core.config import Config
from tests.fixtures.cloud import cloud, secure_cloud  # noqa: F401 - for these tests alone: the package has a fixture cloud

pytest_plugins = [
    "tests.fixtures.asyncapi",
    "tests.fixtures.browser",
    "tests.fixtures.database",
    "tests.fixtures.events",
    "tests.fixtures.folders",
    "tests.fixtures.identity",
    "tests.fixtures.instant_failures",
    "tests.fixtures.kafka",
    "tests.fixtures.pgbouncer",
    "tests.fixtures.secured_kafka",
    "tests.fixtures.sign_in",
    "tests.fixtures.time_limit",
    "tests.fixtures.workshop",
]

# Examples have no deadline: a machine that is busy with other work is not a defect. The continuous integration
# tries the same examples in every run, developers try new ones.
settings.register_profile(
    "iacs", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("iacs")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell lets its background jobs ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SKIPPED = Path(__file__).resolve().parent.parent / ".cache" / "skipped"
_SETTINGS = {name.upper() for name in Config.model_fields}
_CERTIFICATES = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}
"""Variables that override an explicit CA in requests, and so in msal and azure-identity."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove every setting from the environment and work in an empty folder."""
    for name in _SETTINGS.union(_CERTIFICATES).intersection(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which tests could not run here, and keep the lines for the end of `make test`."""
    skipped = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    lines = [f"{count} tests skipped: {reason}" for reason, count in sorted(skipped.items())]
    for line in lines:
        terminalreporter.write_line(line)
    _SKIPPED.parent.mkdir(exist_ok=True)
    _SKIPPED.write_text("".join(f"{line}\n" for line in lines))


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr
    return text[2].removeprefix("Skipped: ") if isinstance(text, tuple) else str(text)
