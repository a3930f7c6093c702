"""Lists and single messages, by Graph's documented rules."""

import pytest

from iacs.sandbox import Sandbox

from .conftest import Ask

ALICE = "alice@contoso.example"


async def walk(ask: Ask, link: str | None, **headers: str) -> list[list[str]]:
    pages = []
    while link:
        status, body, _ = await ask(link, **headers)
        assert status == 200, body
        pages.append([row["id"] for row in body["value"]])
        link = body.get("@odata.nextLink")
    return pages


@pytest.mark.parametrize("path", ["/me/messages", "//me/messages", f"/users/{ALICE}/messages", "/me/mailFolders/inbox/messages",
                                  "/me/mailFolders('inbox')/messages"])  # fmt: skip
@pytest.mark.parametrize("option", ["$top=5", "%24top=5"])
async def test_pages_join_to_the_whole_list(cloud: Sandbox, ask: Ask, path: str, option: str) -> None:
    pages = await walk(ask, f"{path}?{option}&$select=id")
    assert [len(page) for page in pages] == [5, 5, 2]
    assert {key for page in pages for key in page} == {m.mutable_id for m in cloud.mailbox(ALICE).messages}


async def test_a_list_begins_with_the_newest_and_has_ten_by_default(ask: Ask) -> None:
    _, body, _ = await ask("/me/messages?$count=true")
    received = [row["receivedDateTime"] for row in body["value"]]
    assert received == sorted(received, reverse=True)
    assert (len(received), body["@odata.count"]) == (10, 12)
    assert "internetMessageHeaders" not in body["value"][0]


async def test_a_page_goes_on_where_it_was_although_mail_arrives_or_goes(cloud: Sandbox, ask: Ask) -> None:
    _, body, _ = await ask("/me/messages?$top=5")
    seen = [row["id"] for row in body["value"]]
    mailbox = cloud.mailbox(ALICE)
    for text in (b"one", b"two", b"three"):
        mailbox.add(b"Received: by x; Thu, 1 Oct 2026 00:00:00 +0000\n\n" + text)
    mailbox.remove(seen[0])
    rest = [key for page in await walk(ask, body["@odata.nextLink"]) for key in page]
    assert len(rest) == 7
    assert not set(rest) & set(seen)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("$filter=isRead eq false&$orderby=receivedDateTime desc", 400, "InefficientFilter"),
        ("$filter=isRead eq false and receivedDateTime ge 1900-01-01T00:00:00Z&$orderby=receivedDateTime", 400, "InefficientFilter"),
        ("$filter=receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime", 200, ""),
        ("$filter=receivedDateTime ge 1900-01-01T00:00:00Z&$orderby=receivedDateTime,subject", 400, "InefficientFilter"),
        ("$orderby=from/emailAddress/address,subject desc", 200, ""),
        ("$filter=nonsense eq 1", 400, "RequestBroker--ParseUri"),
        ("$filter=subject eq \"x\"", 400, "RequestBroker--ParseUri"),
        ("$filter=receivedDateTime ge '2026-01-01'", 400, "BadRequest"),
        ("$select=nonsense", 400, "RequestBroker--ParseUri"),
        ("$orderby=nonsense", 400, "RequestBroker--ParseUri"),
        ("$orderby=body", 400, "BadRequest"),
        ("$top=0", 400, "BadRequest"),
        ("$top=1001", 400, "BadRequest"),
        ("$top=1000", 200, ""),
        ("$skiptoken=made-up", 400, "BadRequest"),
        ("$expand=attachments", 400, "BadRequest"),
        ("$search=\"lunch\"&$filter=isRead eq true", 400, "SearchWithFilter"),
        ("$search=\"lunch\"&$orderby=subject", 400, "SearchWithOrderBy"),
        ("$search=lunch", 400, "BadRequest"),
    ],
)  # fmt: skip
async def test_the_rules_of_queries(ask: Ask, query: str, status: int, code: str) -> None:
    answered, body, _ = await ask(f"/me/messages?{query}")
    assert answered == status, body
    assert body.get("error", {}).get("code", "") == code


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("$filter=from/emailAddress/address eq 'bob@contoso.example'", 2),
        ("$filter=contains(subject,'o''hara')", 1),
        ("$filter=from eq null", 1),
        ("$filter=sentDateTime eq null", 2),
        ("$filter=isRead eq true", 2),
        ("$filter=hasAttachments eq true and importance eq 'high'", 1),
        ("$filter=receivedDateTime ge 2026-09-10", 3),
        ("$filter=flag/flagStatus eq 'flagged'", 1),
        ("$search=\"lunch\"", 2),
        ("$search=\"from:carol subject:lunch\"", 1),
        ("$search=\"hasAttachment:true\"", 2),
        ("$search=\"received>=2026-09-10\"", 3),
    ],
)  # fmt: skip
async def test_filters_and_searches_find(ask: Ask, query: str, count: int) -> None:
    status, body, _ = await ask(f"/me/messages?{query}&$top=100&$select=subject")
    assert status == 200, body
    assert len(body["value"]) == count
    assert all(set(row) == {"@odata.etag", "id", "subject"} for row in body["value"])


async def test_a_preference_chooses_the_kind_of_id_and_of_body(cloud: Sandbox, ask: Ask) -> None:
    _, plain, _ = await ask("/me/messages?$top=20")
    prefer = 'IdType="ImmutableId", outlook.body-content-type="text"'
    _, preferred, answer = await ask("/me/messages?$top=20", Prefer=prefer)
    assert answer.headers["Preference-Applied"] == prefer
    mutable = {message.immutable_id: message.mutable_id for message in cloud.mailbox(ALICE).messages}
    assert [row["id"] for row in plain["value"]] == [mutable[row["id"]] for row in preferred["value"]]
    assert {row["body"]["contentType"] for row in plain["value"] if row["body"]} == {"html", "text"}
    assert {row["body"]["contentType"] for row in preferred["value"] if row["body"]} == {"text"}


async def test_a_message_and_its_bytes_are_found_by_either_id(cloud: Sandbox, ask: Ask) -> None:
    message = cloud.mailbox(ALICE).messages[2]
    for key in (message.mutable_id, message.immutable_id):
        assert (await ask(f"/me/messages/{key}"))[1][
            "subject"
        ] == "Presupuesto para el año 2027 \N{EN DASH} borrador"
        assert (await ask(f"/me/messages('{key}')/$value"))[1] == message.raw
    _, body, _ = await ask(f"/me/messages/{message.mutable_id}/attachments")
    assert [row["name"] for row in body["value"]] == ["presupuesto año.csv"]


async def test_every_answer_carries_the_ids_that_support_asks_for(ask: Ask) -> None:
    status, body, answer = await ask("/me/messages/unknown", **{"client-request-id": "mine"})
    assert (status, body["error"]["code"]) == (404, "ErrorItemNotFound")
    assert body["error"]["innerError"]["client-request-id"] == answer.headers["client-request-id"] == "mine"
    assert body["error"]["innerError"]["request-id"] == answer.headers["request-id"]
    assert "Date" in answer.headers


async def test_folders_page_and_count(cloud: Sandbox, ask: Ask) -> None:
    cloud.mailbox(ALICE).add(b"Subject: x\n\n", "Projects/2027")
    names = [key for page in await walk(ask, "/me/mailFolders?$top=3") for key in page]
    assert len(names) == 7
    _, body, _ = await ask("/me/mailFolders/inbox")
    assert (body["displayName"], body["totalItemCount"], body["unreadItemCount"]) == ("Inbox", 12, 10)
    _, body, _ = await ask(f"/me/mailFolders/{names[-1]}/childFolders")
    assert [row["displayName"] for row in body["value"]] == ["2027"]


async def test_other_people_are_out_of_reach(cloud: Sandbox, ask: Ask) -> None:
    assert (await ask("/users/bob@contoso.example/messages"))[0] == 403
    assert (await ask("/users/nobody@contoso.example/messages"))[0] == 404
    assert (await ask("/me"))[1]["mail"] == ALICE
    cloud.expire_access_tokens()
    status, body, answer = await ask("/me")
    assert (status, body["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
