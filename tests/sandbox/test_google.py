"""The stand-in for Google against Google's own client and against aiogoogle.

Source: Google Calendar API v3 reference and its discovery document.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import google_auth_httplib2
import googleapiclient
import httplib2
import pytest
from aiogoogle import Aiogoogle, GoogleAPI
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from voicecore.sandbox.google import GoogleSandbox

DOCUMENT = Path(googleapiclient.__file__).parent / "discovery_cache/documents/calendar.v3.json"
START = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)


@pytest.fixture
async def google() -> AsyncIterator[GoogleSandbox]:
    async with GoogleSandbox() as sandbox:
        yield sandbox


def event_body(**fields: Any) -> dict[str, Any]:
    return {
        "summary": "Oil change",
        "start": {"dateTime": "2026-11-26T14:00:00-06:00", "timeZone": "America/Chicago"},
        "end": {"dateTime": "2026-11-26T14:45:00-06:00", "timeZone": "America/Chicago"},
        **fields,
    }


async def with_google_client(google: GoogleSandbox, use: Callable[[Any], Any]) -> Any:
    """Run `use(service)` in a thread with Google's own client pointed at the stand-in."""

    def work() -> Any:
        document = json.loads(DOCUMENT.read_text())
        document["rootUrl"] = google.api_root
        credentials = Credentials(
            token=None,
            refresh_token=google.refresh_token,
            token_uri=google.token_url,
            client_id=google.client_id,
            client_secret=google.client_secret,
        )
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=5))
        service = build_from_document(document, http=http)
        try:
            return use(service)
        finally:
            service.close()

    return await asyncio.to_thread(work)


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        call()
    detail = json.loads(caught.value.content)["error"]["errors"][0]
    return caught.value.resp.status, detail["reason"]


async def test_googles_client_agrees_on_the_life_of_an_event(google: GoogleSandbox) -> None:
    def use(service: Any) -> None:
        events = service.events()
        calendar = google.calendar_id
        mine = {"extendedProperties": {"private": {"appointment_id": "7", "call": "CA1"}}}
        made = events.insert(calendarId=calendar, body=event_body(id="b00000", **mine)).execute()
        assert (made["status"], made["id"]) == ("confirmed", "b00000")
        assert datetime.fromisoformat(made["start"]["dateTime"]) == START
        again = events.insert(calendarId=calendar, body=event_body(id="b00000"))
        assert refused(again.execute) == (409, "duplicate")

        moved = events.patch(
            calendarId=calendar,
            eventId="b00000",
            sendUpdates="none",
            body={"summary": "Moved", "extendedProperties": {"private": {"call": None}}},
        ).execute()
        assert moved["etag"] != made["etag"]
        assert moved["extendedProperties"]["private"] == {"appointment_id": "7"}
        stale = events.patch(calendarId=calendar, eventId="b00000", body={"summary": "Late"})
        stale.headers["If-Match"] = made["etag"]
        assert refused(stale.execute) == (412, "conditionNotMet")
        assert events.get(calendarId=calendar, eventId="b00000").execute()["summary"] == "Moved"

        gone = events.delete(calendarId=calendar, eventId="b00000")
        assert gone.execute() == ""
        assert refused(gone.execute) == (410, "deleted")
        left = events.get(calendarId=calendar, eventId="b00000").execute()
        assert left["status"] == "cancelled"
        assert refused(again.execute) == (409, "duplicate")
        patched = events.patch(calendarId=calendar, eventId="b00000", body={"summary": "x"})
        assert refused(patched.execute) == (403, "forbidden")

    await with_google_client(google, use)
    assert google.token_requests == 1
    assert google.events == []


async def test_googles_client_agrees_on_free_busy(google: GoogleSandbox) -> None:
    google.add_staff_event(START, START + timedelta(hours=2))
    google.add_staff_event(START + timedelta(hours=1), START + timedelta(hours=3))
    google.add_staff_event(START + timedelta(hours=9), START + timedelta(hours=10))

    def use(service: Any) -> dict[str, Any]:
        service.events().insert(
            calendarId="primary", body=event_body(id="free0", transparency="transparent")
        ).execute()
        body = {
            "timeMin": "2026-11-26T15:00:00-06:00",
            "timeMax": "2026-11-27T00:00:00Z",
            "timeZone": "America/Chicago",
            "items": [{"id": google.calendar_id}, {"id": "nobody@example.com"}],
        }
        answer = service.freebusy().query(body=body).execute()
        assert isinstance(answer, dict)
        return answer

    calendars = (await with_google_client(google, use))["calendars"]
    assert calendars[google.calendar_id] == {
        "busy": [{"start": "2026-11-26T15:00:00-06:00", "end": "2026-11-26T17:00:00-06:00"}]
    }
    assert calendars["nobody@example.com"]["errors"] == [{"domain": "global", "reason": "notFound"}]


async def test_googles_client_agrees_on_lists_and_pages(google: GoogleSandbox) -> None:
    def use(service: Any) -> None:
        events = service.events()
        for number in range(7):
            body = event_body(
                id=f"page{number}",
                extendedProperties={"private": {"parity": str(number % 2)}},
                start={"dateTime": (START + timedelta(hours=number)).isoformat()},
                end={"dateTime": (START + timedelta(hours=number + 1)).isoformat()},
            )
            events.insert(calendarId="primary", body=body).execute()
        events.delete(calendarId="primary", eventId="page6").execute()
        request = events.list(
            calendarId="primary", maxResults=2, singleEvents=True, orderBy="startTime"
        )
        seen = []
        while request is not None:
            answer = request.execute()
            seen.append([item["id"] for item in answer["items"]])
            request = events.list_next(request, answer)
        assert seen == [["page0", "page1"], ["page2", "page3"], ["page4", "page5"]]

        def ids(**query: Any) -> list[str]:
            items = events.list(calendarId="primary", **query).execute()["items"]
            return [item["id"] for item in items]

        assert ids(privateExtendedProperty=["parity=1"]) == ["page1", "page3", "page5"]
        assert ids(privateExtendedProperty="parity=0", showDeleted=True)[-1] == "page6"
        window = {
            "timeMin": (START + timedelta(hours=2)).isoformat(),
            "timeMax": (START + timedelta(hours=4)).isoformat(),
        }
        assert ids(**window) == ["page2", "page3"]
        unsorted = events.list(calendarId="primary", orderBy="startTime")
        assert refused(unsorted.execute) == (400, "badRequest")

    await with_google_client(google, use)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"id": "UPPER"}, (400, "invalid")),
        ({"id": "abc"}, (400, "invalid")),
        ({"id": "with-dash"}, (400, "invalid")),
        ({"end": None}, (400, "required")),
        ({"start": {"dateTime": "2026-11-26T14:00:00"}}, (400, "required")),
        ({"end": {"dateTime": "2026-11-26T13:00:00-06:00"}}, (400, "timeRangeEmpty")),
        ({"start": {"dateTime": "2026-11-26T14:00:00", "timeZone": "Mars/X"}}, (400, "invalid")),
        ({"extendedProperties": {"private": {"n": 7}}}, (400, "invalid")),
    ],
)
async def test_a_bad_event_is_refused(
    google: GoogleSandbox, fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    def use(service: Any) -> tuple[int, str]:
        body = event_body(**fields)
        return refused(service.events().insert(calendarId="primary", body=body).execute)

    assert await with_google_client(google, use) == expected
    assert google.events == []


async def test_unknown_and_forbidden_calendars_and_events(google: GoogleSandbox) -> None:
    google.forbidden_calendars.add("locked@example.com")

    def use(service: Any) -> list[tuple[int, str]]:
        events = service.events()
        return [
            refused(events.list(calendarId="nobody@example.com").execute),
            refused(events.get(calendarId="primary", eventId="nothere").execute),
            refused(events.list(calendarId="locked@example.com").execute),
        ]

    answers = await with_google_client(google, use)
    assert answers == [(404, "notFound"), (404, "notFound"), (403, "forbidden")]


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_ordered_faults_hit_the_next_requests_only(
    google: GoogleSandbox, status: int
) -> None:
    google.fail_next(2, status)

    def use(service: Any) -> None:
        insert = service.events().insert(calendarId="primary", body=event_body())
        assert refused(insert.execute)[0] == status
        assert refused(insert.execute)[0] == status
        insert.execute()

    await with_google_client(google, use)
    assert len(google.events) == 1


async def test_a_revoked_token_is_invalid_grant(google: GoogleSandbox) -> None:
    google.revoke_refresh_token()

    def use(service: Any) -> None:
        with pytest.raises(RefreshError, match="invalid_grant"):
            service.events().list(calendarId="primary").execute()

    await with_google_client(google, use)


async def test_googles_client_refreshes_after_a_401(google: GoogleSandbox) -> None:
    def use(service: Any) -> None:
        service.events().list(calendarId="primary").execute()
        google.expire_access_tokens()
        service.events().list(calendarId="primary").execute()

    await with_google_client(google, use)
    assert google.token_requests == 2
    assert [seen.status for seen in google.requests] == [200, 401, 200]


async def test_a_read_only_scope_may_not_write(google: GoogleSandbox) -> None:
    google.oauth.scope = "https://www.googleapis.com/auth/calendar.readonly"

    def use(service: Any) -> tuple[int, str]:
        service.events().list(calendarId="primary").execute()
        return refused(service.events().insert(calendarId="primary", body=event_body()).execute)

    assert await with_google_client(google, use) == (403, "insufficientPermissions")


async def test_a_write_can_be_done_and_its_answer_lost(google: GoogleSandbox) -> None:
    google.drop_after_commit_next()
    async with aiohttp.ClientSession() as session:
        form = {
            "grant_type": "refresh_token",
            "client_id": google.client_id,
            "client_secret": google.client_secret,
            "refresh_token": google.refresh_token,
        }
        async with session.post(google.token_url, data=form) as response:
            token = (await response.json())["access_token"]
        url = f"{google.api_root}calendar/v3/calendars/primary/events"
        headers = {"Authorization": f"Bearer {token}"}
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(url, json=event_body(id="lost0"), headers=headers)
        async with session.post(url, json=event_body(id="lost0"), headers=headers) as response:
            assert response.status == 409
        async with session.post(url, data=b"{", headers=headers) as response:
            assert (await response.json())["error"]["errors"][0]["reason"] == "parseError"
        async with session.get(url) as response:
            assert response.status == 401
    assert [event["id"] for event in google.events] == ["lost0"]


async def test_aiogoogle_agrees(google: GoogleSandbox) -> None:
    document = json.loads(DOCUMENT.read_text())
    document["rootUrl"] = google.api_root
    api = GoogleAPI(document)
    client = {"client_id": google.client_id, "client_secret": google.client_secret}
    user = {"refresh_token": google.refresh_token, "expires_at": None}
    async with Aiogoogle(client_creds=client, user_creds=user) as session:
        session.oauth2.openid_configs = {
            **session.oauth2.openid_configs,
            "token_endpoint": google.token_url,
        }
        made = await session.as_user(
            api.events.insert(calendarId=google.calendar_id, json=event_body(id="aio00"))
        )
        request = api.events.delete(calendarId=google.calendar_id, eventId="aio00")
        request.headers["If-Match"] = made["etag"]
        assert await session.as_user(request) is None
    assert [event["status"] for event in google.all_events] == ["cancelled"]
