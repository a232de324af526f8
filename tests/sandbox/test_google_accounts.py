"""The consent flow, service accounts, guests, quota and random faults of the stand-in for Google.

Source: Google Identity, "OAuth 2.0 for iOS & Desktop Apps"; Google Calendar API v3 reference.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import google_auth_httplib2
import httplib2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2.service_account import Credentials as ServiceCredentials
from googleapiclient.discovery import build_from_document

from tests.sandbox.test_google import DOCUMENT, START, event_body, refused
from voicecore.sandbox.google import GoogleSandbox
from voicecore.sandbox.google_faults import FaultStorm, Mishap
from voicecore.sandbox.google_oauth import FULL_SCOPE

VERIFIER = "v" * 64
REDIRECT = "http://127.0.0.1:9/done"
GUEST = {"attendees": [{"email": "maria@example.com"}]}


@pytest.fixture
async def google() -> AsyncIterator[GoogleSandbox]:
    async with GoogleSandbox() as sandbox:
        yield sandbox


async def with_service_account(
    google: GoogleSandbox, use: Callable[[Any], Any], **options: Any
) -> Any:
    """Run `use(service)` with Google's own client and a service account's key file."""

    def work() -> Any:
        document = json.loads(DOCUMENT.read_text())
        document["rootUrl"] = google.api_root
        credentials = ServiceCredentials.from_service_account_info(  # type: ignore[no-untyped-call]
            google.service_account_info(), scopes=[FULL_SCOPE], **options
        )
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=5))
        service = build_from_document(document, http=http)
        try:
            return use(service)
        finally:
            service.close()

    return await asyncio.to_thread(work)


def consent_query(google: GoogleSandbox, **changes: str) -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    return {
        "client_id": google.client_id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": FULL_SCOPE,
        "access_type": "offline",
        "state": "abc",
        "code_challenge": challenge.decode().rstrip("="),
        "code_challenge_method": "S256",
        **changes,
    }


async def decide(session: aiohttp.ClientSession, url: str, form: dict[str, str]) -> dict[str, str]:
    """Press a button on the consent page; return what the browser is sent back with."""
    async with session.post(url, data=form, allow_redirects=False) as response:
        assert response.status == 302
        target = urlsplit(response.headers["Location"])
    assert target.geturl().startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(target.query).items()}


async def test_consent_gives_a_code_that_is_worth_a_refresh_token_once(
    google: GoogleSandbox,
) -> None:
    query = consent_query(google)
    async with aiohttp.ClientSession() as session:
        async with session.get(google.auth_url, params=query) as response:
            assert 'value="allow"' in await response.text()
        answer = await decide(session, google.auth_url, {**query, "decision": "allow"})
        assert answer["state"] == "abc"
        form = {
            "grant_type": "authorization_code",
            "client_id": google.client_id,
            "client_secret": google.client_secret,
            "code": answer["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        async with session.post(google.token_url, data=form) as response:
            token = (await response.json())["refresh_token"]
        async with session.post(google.token_url, data=form) as response:
            assert (await response.json())["error"] == "invalid_grant"
        denied = await decide(session, google.auth_url, {**query, "decision": "deny"})
        assert denied == {"state": "abc", "error": "access_denied"}

        form = {**form, "grant_type": "refresh_token", "refresh_token": token}
        async with session.post(google.token_url, data=form) as response:
            assert (await response.json())["scope"] == FULL_SCOPE


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"client_id": "somebody"}, "invalid_client"),
        ({"redirect_uri": "https://shop.example.com/"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "S256"),
    ],
)
async def test_a_wrong_request_for_consent_is_refused(
    google: GoogleSandbox, changes: dict[str, str], problem: str
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(google.auth_url, params=consent_query(google, **changes)) as response,
    ):
        assert response.status == 400
        assert problem in await response.text()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:10/done"}, "redirect_uri_mismatch"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_a_code_is_not_redeemed_by_somebody_else(
    google: GoogleSandbox, changes: dict[str, str], error: str
) -> None:
    query = consent_query(google)
    async with aiohttp.ClientSession() as session:
        answer = await decide(session, google.auth_url, {**query, "decision": "allow"})
        form = {
            "grant_type": "authorization_code",
            "client_id": google.client_id,
            "client_secret": google.client_secret,
            "code": answer["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            **changes,
        }
        async with session.post(google.token_url, data=form) as response:
            assert (await response.json())["error"] == error


async def test_googles_client_agrees_on_service_accounts(google: GoogleSandbox) -> None:
    def use(service: Any) -> tuple[int, str]:
        events = service.events()
        events.insert(calendarId="primary", body=event_body(id="alone0")).execute()
        return refused(events.insert(calendarId="primary", body=event_body(**GUEST)).execute)

    assert await with_service_account(google, use) == (403, "forbiddenForServiceAccounts")
    assert [event["id"] for event in google.events] == ["alone0"]


async def test_a_service_account_may_act_for_those_who_let_it(google: GoogleSandbox) -> None:
    def use(service: Any) -> None:
        body = event_body(id="guest0", **GUEST)
        service.events().insert(calendarId="primary", sendUpdates="all", body=body).execute()

    with pytest.raises(RefreshError, match="unauthorized_client"):
        await with_service_account(google, use, subject="owner@example.com")
    google.oauth.delegated.add("owner@example.com")
    await with_service_account(google, use, subject="owner@example.com")
    assert [mail.to for mail in google.mails] == ["maria@example.com"]


async def test_another_key_and_another_account_are_refused(google: GoogleSandbox) -> None:
    async with GoogleSandbox() as other:
        stranger = {**other.service_account_info(), "token_uri": google.token_url}

    def use(service: Any) -> None:
        service.events().list(calendarId="primary").execute()

    for change in (stranger, {"client_email": "nobody@example.com"}):
        info = {**google.service_account_info(), **change}
        google.service_account_info = lambda info=info: info  # type: ignore[method-assign, misc]
        with pytest.raises(RefreshError, match="invalid_grant"):
            await with_service_account(google, use)
        del google.service_account_info


async def session_of(google: GoogleSandbox, session: aiohttp.ClientSession) -> str:
    """Put a fresh access token on the session; return the address of the events."""
    form = {
        "grant_type": "refresh_token",
        "client_id": google.client_id,
        "client_secret": google.client_secret,
        "refresh_token": google.refresh_token,
    }
    async with session.post(google.token_url, data=form) as response:
        token = (await response.json())["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    return f"{google.api_root}calendar/v3/calendars/primary/events"


async def test_guests_are_mailed_when_they_shall_be_and_need_an_address(
    google: GoogleSandbox,
) -> None:
    async with aiohttp.ClientSession() as session:
        url = await session_of(google, session)
        await session.post(url, json=event_body(id="quiet0", **GUEST))
        assert google.mails == []
        everybody = {"sendUpdates": "all"}
        await session.patch(f"{url}/quiet0", json={"summary": "x"}, params=everybody)
        await session.delete(f"{url}/quiet0", params=everybody)
        assert [mail.about.value for mail in google.mails] == ["changed", "cancelled"]
        bad = event_body(attendees=[{"email": "nobody"}])
        async with session.post(url, json=bad) as response:
            assert response.status == 400
        async with session.post(url, json=event_body(), params={"sendUpdates": "x"}) as response:
            assert response.status == 400


async def test_a_reader_sees_its_role_and_may_not_write(google: GoogleSandbox) -> None:
    google.read_only_calendars.add(google.calendar_id)
    async with aiohttp.ClientSession() as session:
        url = await session_of(google, session)
        async with session.get(url) as response:
            assert (await response.json())["accessRole"] == "reader"
        async with session.post(url, json=event_body()) as response:
            detail = (await response.json())["error"]["errors"][0]
            assert (response.status, detail["reason"]) == (403, "requiredAccessLevel")


async def test_the_quota_is_that_of_any_minute() -> None:
    now = [START]
    async with (
        GoogleSandbox(clock=lambda: now[0]) as google,
        aiohttp.ClientSession() as session,
    ):
        url = await session_of(google, session)
        google.quota.per_minute, google.retry_after_s = 2, 7
        seen = []
        for seconds in (0, 30, 1, 30, 1):
            now[0] += timedelta(seconds=seconds)
            async with session.get(url) as response:
                seen.append((response.status, response.headers.get("Retry-After")))
    assert seen == [(200, None), (200, None), (403, "7"), (200, None), (403, "7")]


async def test_a_storm_is_the_same_for_the_same_seed_and_ends(google: GoogleSandbox) -> None:
    def drawn(seed: int) -> list[Mishap]:
        storm = FaultStorm(seed, limit=40, rate=0.5)
        for number in range(400):
            storm.next(is_write=number % 2 == 0, is_conditional=number % 4 == 0)
        assert storm.is_over
        return storm.happened

    assert drawn(1) == drawn(1) != drawn(2)
    assert set(drawn(1)) == set(Mishap)
    google.storm = FaultStorm(3, limit=12, rate=1.0, hang_s=0.05)
    async with aiohttp.ClientSession() as session:
        url = await session_of(google, session)
        await session.post(url, json=event_body(id="storm0"))
        for _ in range(30):
            try:
                headers = {"If-Match": '"stale"'}
                async with session.patch(url + "/storm0", json={}, headers=headers) as response:
                    await response.read()
            except aiohttp.ClientError:
                continue
    assert google.storm.is_over
    assert {seen.status for seen in google.requests} > {0, 403, 412}


async def test_staff_move_edit_and_delete(google: GoogleSandbox) -> None:
    event_id = google.add_staff_event(START, START + timedelta(hours=1))
    google.staff_move(event_id, START + timedelta(hours=2), START + timedelta(hours=3))
    google.staff_edit(event_id, summary="Lift inspection")
    (event,) = google.events
    assert datetime.fromisoformat(event["start"]["dateTime"]) == datetime(
        2026, 11, 26, 22, tzinfo=UTC
    )
    assert event["summary"] == "Lift inspection"
    google.staff_delete(event_id)
    assert google.events == []
