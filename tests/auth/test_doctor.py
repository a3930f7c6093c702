"""The check of an app registration, step by step."""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.auth import Diagnosis, Doctor
from iacs.core import clock
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import OAuthClient
from iacs.sandbox import Sandbox
from tests.fixtures.identity import OTHER_GUID, TENANT_ID, Answer, ScriptedEntra, grant

STEPS = [
    *("settings and Entra ID", "clock", "registration", "redirect address", "credential", "consent"),
    "Microsoft Graph",
]


async def examine(cloud: Sandbox, http: HttpClient, **changes: Any) -> list[Diagnosis]:
    settings: dict[str, Any] = {
        "client_id": cloud.client_id,
        "authority_host": cloud.authority_host,
        "tenant_id": cloud.tenant_id,
        "redirect_uri": "http://localhost:8400/callback",
        "scopes": "openid profile offline_access Mail.Read",
        "client_secret": SecretStr(cloud.client_secret),
    } | changes
    graph_url = settings.pop("reached_at", cloud.graph_url)
    client = OAuthClient(http, **settings)
    doctor = Doctor(http, client, authority_host=settings["authority_host"], graph_url=graph_url)
    return [diagnosis async for diagnosis in doctor.examine()]


async def test_everything_as_it_should_be_has_no_problem(cloud: Sandbox, http: HttpClient) -> None:
    diagnoses = await examine(cloud, http)
    assert [diagnosis.step for diagnosis in diagnoses] == STEPS
    assert [diagnosis for diagnosis in diagnoses if diagnosis.problem] == []
    (consent,) = [diagnosis.note for diagnosis in diagnoses if diagnosis.note]
    assert f"{cloud.tenant_id}/v2.0/adminconsent?client_id={cloud.client_id}" in consent


@pytest.mark.parametrize(
    ("changes", "step", "problem", "hint"),
    [
        ({"client_id": ""}, "settings and Entra ID", "AZURE_CLIENT_ID is not set", ".env"),
        ({"authority_host": "http://127.0.0.1:1"}, "settings and Entra ID", "127.0.0.1:1", ""),
        ({"client_id": OTHER_GUID}, "registration", "AADSTS700016", "Application (client) ID"),
        ({"reached_at": "http://127.0.0.1:1/v1.0"}, "Microsoft Graph", "127.0.0.1:1", ""),
        ({"redirect_uri": "https://app.example/x"}, "redirect address", "AADSTS50011", "App registrations"),
        ({"client_secret": SecretStr("wrong")}, "credential", "AADSTS7000215", "AZURE_CLIENT_SECRET"),
    ],
)
async def test_a_problem_is_named_with_what_to_do(
    cloud: Sandbox, http: HttpClient, changes: dict[str, Any], step: str, problem: str, hint: str
) -> None:
    diagnosis = next(item for item in await examine(cloud, http, **changes) if item.problem)
    assert diagnosis.step == step
    assert problem in diagnosis.problem
    assert hint in diagnosis.hint


async def test_an_expiring_secret_does_not_stop_the_other_steps(cloud: Sandbox, http: HttpClient) -> None:
    diagnoses = await examine(cloud, http, client_secret_expires=date(2020, 1, 31))
    assert "expired on 2020-01-31" in diagnoses[0].problem
    assert [diagnosis.step for diagnosis in diagnoses[1:]] == STEPS


async def test_what_cannot_be_checked_is_no_problem(cloud: Sandbox, http: HttpClient) -> None:
    for changes in ({"tenant_id": "common"}, {"client_secret": None}):
        diagnosis = next(item for item in await examine(cloud, http, **changes) if item.step == "credential")
        assert diagnosis.problem == ""
        assert "not checked" in diagnosis.note


@pytest.mark.parametrize(("minutes", "word"), [(5, "ahead"), (-5, "behind")])
async def test_a_clock_that_is_wrong_is_named(
    cloud: Sandbox, http: HttpClient, monkeypatch: pytest.MonkeyPatch, minutes: int, word: str
) -> None:
    wrong = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(clock, "now", lambda: wrong)
    (diagnosis,) = [item for item in await examine(cloud, http) if item.problem]
    assert diagnosis.step == "clock"
    assert word in diagnosis.problem


async def test_an_answer_that_says_too_little_is_noted(entra: ScriptedEntra) -> None:
    path = f"/{TENANT_ID}/v2.0/.well-known/openid-configuration"
    entra.server.answer(path, Answer(body=entra.metadata | {"issuer": entra.issuer}))
    entra.server.answer("/common/oauth2/v2.0/authorize", Answer(200, "<html>"))
    entra.server.answer(
        "/common/discovery/v2.0/keys", Answer(200, "", {"Date": format_datetime(datetime.now(UTC))[:-6]})
    )
    entra.server.answer(entra.token_path, grant())
    client = entra.client(tenant_id=TENANT_ID)
    doctor = Doctor(entra.http, client, authority_host=entra.server.url)
    notes = {diagnosis.step: diagnosis.note async for diagnosis in doctor.examine() if diagnosis.note}
    assert "did not say" in notes["redirect address"]


async def test_each_step_refers_to_a_section_of_the_guide(cloud: Sandbox, http: HttpClient) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "tenant-setup.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", guide, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    expiring = await examine(cloud, http, client_secret_expires=date(2020, 1, 31))
    for diagnosis in expiring:
        page, _, section = diagnosis.guide.partition("#")
        assert page == "docs/tenant-setup.md"
        assert section in anchors
