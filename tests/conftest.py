"""Every test starts without the caller's settings, and never finds a stray `.env`."""

import os
from pathlib import Path

import pytest

from iacs.core.config import Config

pytest_plugins = [
    "tests.fixtures.cloud",
    "tests.fixtures.database",
    "tests.fixtures.events",
    "tests.fixtures.identity",
    "tests.fixtures.kafka",
    "tests.fixtures.sign_in",
]

_SETTINGS = {name.upper() for name in Config.model_fields}
_CERTIFICATES = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}
"""Overrule an explicit CA in requests, so in msal and azure-identity."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove every setting from the environment and work in an empty folder."""
    for name in _SETTINGS.union(_CERTIFICATES).intersection(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
