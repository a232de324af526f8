"""Google Calendar through aiogoogle: one session, one token refresh at a time, a clear error.

The API description is our own small file, so nothing is discovered over the network.
Source: Google Calendar API v3 reference and "Handle API errors"; Google Identity, "Using OAuth 2.0
for Web Server Applications".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiogoogle.client import Aiogoogle
from aiogoogle.excs import HTTPError
from aiogoogle.resource import GoogleAPI
from aiogoogle.sessions.aiohttp_session import AiohttpSession

from scheduler.calendar_event import CalendarEvent, StoredEvent
from scheduler.errors import CalendarError
from scheduler.slots import Taken

# aiogoogle says that it is typed, but its annotations refuse what its documentation shows.
_new_client: Any = Aiogoogle
_new_api: Any = GoogleAPI
_new_session: Any = AiohttpSession

API_FILE = Path(__file__).with_name("calendar_v3.json")
TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 3.0
SCOPE = "https://www.googleapis.com/auth/calendar"

# 403 says both "slow down" and "never"; the reason tells which.
RATE_LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
RETRYABLE_STATUSES = frozenset({408, 412, 425, 429, 500, 502, 503, 504})
ADVICE = {
    "invalid_grant": "the refresh token was revoked or has expired; "
    "consent again and set GOOGLE_REFRESH_TOKEN",
    "invalid_client": "check GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET",
    "unauthorized_client": "the refresh token belongs to another client; check GOOGLE_CLIENT_ID",
    "insufficientPermissions": f"the token lacks the scope {SCOPE}; consent again",
    "forbidden": "give the account the right to make changes to the calendar",
    "notFound": "check GOOGLE_CALENDAR_ID and share that calendar with the account",
    "authError": "Google does not accept the access token; consent again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAccess:
    """Which calendar, and the keys to it; `api_root` ends with a slash."""

    calendar_id: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    api_root: str = "https://www.googleapis.com/"
    token_url: str = "https://oauth2.googleapis.com/token"
    timeout_s: float = TIMEOUT_S


class GoogleCalendar:
    """Reads busy times and writes events; use as `async with`, for the life of the process."""

    def __init__(self, access: CalendarAccess) -> None:
        self._access = access
        description = json.loads(API_FILE.read_text(encoding="utf-8"))
        description["rootUrl"] = access.api_root.rstrip("/") + "/"
        self._api = _new_api(description)
        self._client: Any = None
        self._session: _LastingSession | None = None
        self._credentials: Any = {"refresh_token": access.refresh_token, "expires_at": None}
        self._refreshing = asyncio.Lock()

    async def open(self) -> None:
        """Make the HTTP session; nothing is sent yet."""
        access = self._access
        session = _LastingSession(access.timeout_s)
        self._session = session
        self._client = _new_client(
            session_factory=lambda: session,
            client_creds={"client_id": access.client_id, "client_secret": access.client_secret},
        )
        oauth2 = self._client.oauth2
        # The dictionary is shared by every client of the process, so it is replaced, not changed.
        oauth2.openid_configs = {**oauth2.openid_configs, "token_endpoint": access.token_url}

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> GoogleCalendar:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def busy(self, start: datetime, end: datetime) -> tuple[Taken, ...]:
        """Return the calendar's busy blocks between two instants.

        Raises:
            CalendarError: no answer, or an error inside the answer.
        """
        calendar_id = self._access.calendar_id
        query = {
            "timeMin": start.isoformat(),
            "timeMax": end.isoformat(),
            "items": [{"id": calendar_id}],
        }
        answer = await self._send(lambda: self._api.freebusy.query(json=query))
        try:
            found = answer["calendars"][calendar_id]
            # Google answers 200 for a calendar that it cannot show; empty would read as free.
            if found.get("errors"):
                raise _refusal(200, str(found["errors"][0].get("reason")))
            return tuple(
                Taken(datetime.fromisoformat(item["start"]), datetime.fromisoformat(item["end"]))
                for item in found["busy"]
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise CalendarError("an unreadable free/busy answer", retryable=True) from error

    async def get(self, event_id: str) -> StoredEvent | None:
        """Return an event, deleted ones included; None: there never was one.

        Raises:
            CalendarError: the calendar could not be read.
        """
        try:
            item = await self._send(
                lambda: self._api.events.get(calendarId=self._access.calendar_id, eventId=event_id)
            )
        except CalendarError as error:
            if error.status == 404:
                return None
            raise
        return StoredEvent.parse(item)

    async def insert(self, event: CalendarEvent) -> StoredEvent:
        """Write a new event; nobody is mailed.

        Raises:
            CalendarError: refused (409: the id was used before) or unanswered.
        """
        item = await self._send(
            lambda: self._api.events.insert(
                calendarId=self._access.calendar_id, sendUpdates="none", json=event.body()
            )
        )
        return StoredEvent.parse(item)

    async def patch(self, event: CalendarEvent, etag: str) -> StoredEvent:
        """Change the event that still has `etag`.

        Raises:
            CalendarError: refused (412: somebody changed it meanwhile) or unanswered.
        """

        def build() -> Any:
            request = self._api.events.patch(
                calendarId=self._access.calendar_id,
                eventId=event.event_id,
                sendUpdates="none",
                json=event.body(),
            )
            request.headers["If-Match"] = etag
            return request

        return StoredEvent.parse(await self._send(build))

    async def delete(self, event_id: str) -> None:
        """Delete an event; one that is gone already is success.

        Raises:
            CalendarError: refused or unanswered.
        """
        try:
            await self._send(
                lambda: self._api.events.delete(
                    calendarId=self._access.calendar_id, eventId=event_id, sendUpdates="none"
                )
            )
        except CalendarError as error:
            if error.status not in (404, 410):
                raise

    async def _send(self, build: Callable[[], Any]) -> dict[str, Any]:
        """Send what `build` makes; on a 401 once more with a fresh token."""
        credentials = await self._fresh_credentials()
        response = await self._transmit(build(), credentials)
        if response.status_code == 401:
            credentials = await self._fresh_credentials(rejected=credentials)
            response = await self._transmit(build(), credentials)
        if response.status_code >= 400:
            raise _refusal(response.status_code, _reason_in(response.json))
        if response.status_code == 204:
            return {}
        if not isinstance(response.json, dict):
            raise CalendarError("an unreadable answer", retryable=True, status=response.status_code)
        return response.json

    async def _transmit(self, request: Any, credentials: Any) -> Any:
        if self._session is None:
            raise CalendarError("the calendar is not open", retryable=False)
        authorized = self._client.oauth2.authorize(request, credentials)
        try:
            async with asyncio.timeout(self._access.timeout_s):
                return await self._client.send(authorized, full_res=True, raise_for_status=False)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CalendarError(type(error).__name__, retryable=True) from error

    async def _fresh_credentials(self, rejected: Any = None) -> Any:
        """Return credentials that are not `rejected`; one refresh serves all who wait for it."""
        async with self._refreshing:
            current = self._credentials
            usable = current is not rejected and current.get("expires_at")
            if usable and not self._client.oauth2.is_expired(current):
                return current
            if self._session is None:
                raise CalendarError("the calendar is not open", retryable=False)
            stale = {**current, "expires_at": None}
            try:
                async with asyncio.timeout(self._access.timeout_s):
                    _, self._credentials = await self._client.oauth2.refresh(stale)
            except HTTPError as error:
                status = error.res.status_code if error.res is not None else None
                body = error.res.json if error.res is not None else None
                raise _refusal(status, _reason_in(body)) from error
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise CalendarError(f"token: {type(error).__name__}", retryable=True) from error
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise CalendarError("an unreadable token answer", retryable=True) from error
            return self._credentials


class _LastingSession:
    """The one session that aiogoogle gets whenever it asks for a new one.

    aiogoogle opens a session per task and forgets to close it; this one ignores its `async with`.
    """

    def __init__(self, timeout_s: float) -> None:
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        self._session = _new_session(timeout=timeout)

    async def __aenter__(self) -> _LastingSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def send(self, *requests: Any, **options: Any) -> Any:
        return await self._session.send(*requests, **options)

    async def close(self) -> None:
        await self._session.close()


def _reason_in(body: object) -> str:
    """Return Google's word in an error body of the API or of the token endpoint."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        details = error.get("errors")
        if isinstance(details, list) and details and isinstance(details[0], dict):
            return str(details[0].get("reason", "unknown"))
        return str(error.get("status", "unknown"))
    return "unknown"


def _refusal(status: int | None, reason: str) -> CalendarError:
    retryable = status in RETRYABLE_STATUSES or reason in RATE_LIMIT_REASONS or status is None
    return CalendarError(reason, retryable=retryable, status=status, advice=ADVICE.get(reason, ""))
