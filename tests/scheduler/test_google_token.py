"""Keys of every kind against the stand-in: what works, and what is said when it does not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scheduler.calendar_access import CalendarAccess
from scheduler.calendar_trouble import Trouble, refusal, trouble_of
from scheduler.errors import CalendarError
from scheduler.google_calendar import GoogleCalendar
from tests.scheduler.conftest import NINE, hours
from voicecore.sandbox.google import GoogleSandbox


def with_key_file(access: CalendarAccess, path: Path, info: object, **more: Any) -> CalendarAccess:
    path.write_text(info if isinstance(info, str) else json.dumps(info))
    bare = replace(access, client_id="", client_secret="", refresh_token="", token_url="http://x/")
    return replace(bare, service_account_file=str(path), **more)


async def test_a_service_account_needs_only_its_key_file(
    google: GoogleSandbox, access: CalendarAccess, tmp_path: Path
) -> None:
    keys = with_key_file(access, tmp_path / "key.json", google.service_account_info())
    async with GoogleCalendar(keys) as calendar:
        await asyncio.gather(*(calendar.get("none0") for _ in range(30)))
        assert google.token_requests == 1
        google.expire_access_tokens()
        assert await calendar.busy(NINE, NINE + hours(1)) == ()
        await calendar.check_token()
        assert google.token_requests == 2


async def test_a_service_account_acts_for_a_person_once_it_may(
    google: GoogleSandbox, access: CalendarAccess, tmp_path: Path
) -> None:
    keys = with_key_file(
        access, tmp_path / "key.json", google.service_account_info(), subject="o@example.com"
    )
    async with GoogleCalendar(keys) as calendar:
        with pytest.raises(CalendarError, match="GOOGLE_SERVICE_ACCOUNT_SUBJECT"):
            await calendar.get("none0")
        google.oauth.delegated.add("o@example.com")
        assert await calendar.get("none0") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("no json", "no JSON"),
        ([], "without a JSON object"),
        ({"type": "authorized_user"}, "not the JSON key"),
        ({"private_key": None}, "not the JSON key"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "new"),
        ({"client_email": "nobody@example.com"}, "GOOGLE_SERVICE_ACCOUNT_FILE"),
    ],
)
async def test_a_key_file_that_is_none_is_named_by_its_setting(
    google: GoogleSandbox, access: CalendarAccess, tmp_path: Path, change: Any, says: str
) -> None:
    info = {**google.service_account_info(), **change} if isinstance(change, dict) else change
    async with GoogleCalendar(with_key_file(access, tmp_path / "key.json", info)) as calendar:
        with pytest.raises(CalendarError, match=says) as caught:
            await calendar.get("none0")
    assert trouble_of(caught.value) is Trouble.ACCOUNT
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize("setting", ["token_file", "service_account_file"])
async def test_a_file_that_is_not_there_is_named_by_its_setting(
    access: CalendarAccess, setting: str
) -> None:
    bare = replace(access, refresh_token="", **{setting: "/nowhere/at/all"})
    async with GoogleCalendar(bare) as calendar:
        with pytest.raises(CalendarError, match=f"GOOGLE_{setting.upper()}"):
            await calendar.get("none0")


async def test_a_token_file_is_as_good_as_the_setting(
    google: GoogleSandbox, access: CalendarAccess, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    path.write_text(json.dumps({"refresh_token": google.refresh_token}))
    async with GoogleCalendar(replace(access, refresh_token="", token_file=str(path))) as calendar:
        assert await calendar.get("none0") is None
    path.write_text("{}")
    async with GoogleCalendar(replace(access, refresh_token="", token_file=str(path))) as calendar:
        with pytest.raises(CalendarError, match="calendar login"):
            await calendar.get("none0")


API = "usageLimits"


def body(reason: str, message: str = "", domain: str = "global") -> dict[str, Any]:
    detail = {"domain": domain, "reason": reason, "message": message}
    return {"error": {"errors": [detail], "code": 0, "message": message}}


@pytest.mark.parametrize(
    ("status", "answer", "trouble", "says"),
    [
        (403, body("rateLimitExceeded", domain=API), Trouble.THROTTLED, ""),
        (403, body("userRateLimitExceeded", domain=API), Trouble.THROTTLED, ""),
        (403, body("quotaExceeded", domain=API), Trouble.THROTTLED, ""),
        (429, body("anything"), Trouble.THROTTLED, ""),
        (503, body("backendError"), Trouble.UNAVAILABLE, ""),
        (500, None, Trouble.UNAVAILABLE, ""),
        (502, "<html>", Trouble.UNAVAILABLE, ""),
        (400, {"error": "invalid_grant"}, Trouble.ACCOUNT, "calendar login"),
        (401, {"error": "invalid_client"}, Trouble.ACCOUNT, "GOOGLE_CLIENT_ID"),
        (403, body("insufficientPermissions"), Trouble.ACCOUNT, "scope"),
        (403, body("forbidden"), Trouble.ACCOUNT, "right to make changes"),
        (403, body("requiredAccessLevel"), Trouble.ACCOUNT, "right to make changes"),
        (403, body("accessNotConfigured"), Trouble.ACCOUNT, "enable"),
        (403, body("somethingNew"), Trouble.ACCOUNT, ""),
        (404, body("notFound"), Trouble.ACCOUNT, "GOOGLE_CALENDAR_ID"),
        (400, body("invalid", "Invalid time zone definition."), Trouble.ACCOUNT, "SHOP_TIMEZONE"),
        (400, body("invalid", "Invalid attendee email."), Trouble.REFUSED, "attendee email"),
        (409, body("duplicate"), Trouble.REFUSED, ""),
        (412, body("conditionNotMet"), Trouble.CONFLICT, ""),
        (410, body("deleted"), Trouble.REFUSED, ""),
    ],
)
def test_every_refusal_has_its_kind_and_says_what_to_do(
    status: int, answer: object, trouble: Trouble, says: str
) -> None:
    error = refusal(status, answer)
    assert (error.trouble, error.status) == (trouble, status)
    assert says in str(error)
    assert error.retryable == (trouble not in (Trouble.ACCOUNT, Trouble.REFUSED))


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("99999", 120.0), ("soon", None), (None, None), ("", None)]
)
def test_retry_after_is_read_and_bounded(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    assert refusal(429, None, headers).retry_after_s == seconds


async def test_googles_own_pause_reaches_the_error(
    google: GoogleSandbox, access: CalendarAccess
) -> None:
    google.retry_after_s = 3
    google.quota.per_minute = 0
    async with GoogleCalendar(access) as calendar:
        with pytest.raises(CalendarError) as caught:
            await calendar.get("none0")
    assert getattr(caught.value, "retry_after_s", None) == 3.0
