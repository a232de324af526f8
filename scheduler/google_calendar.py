"""Google Calendar through aiogoogle: one session, one token refresh at a time, a clear error.

The API description is our own small file, so nothing is discovered over the network.
Source: Google Calendar API v3 reference and "Handle API errors"; Google Identity, "Using OAuth 2.0
for Web Server Applications".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiogoogle.client import Aiogoogle
from aiogoogle.resource import GoogleAPI
from aiogoogle.sessions.aiohttp_session import AiohttpSession

from scheduler.calendar_access import CalendarAccess
from scheduler.calendar_event import INSTALLATION_PROPERTY, CalendarEvent, StoredEvent
from scheduler.calendar_trouble import (
    ADVICE,
    SCOPE,
    account_problem,
    no_answer,
    refusal,
    unreadable,
)
from scheduler.errors import CalendarError
from scheduler.google_token import AccessTokens
from scheduler.taken import Taken

__all__ = ["CalendarAccess", "GoogleCalendar"]

# aiogoogle says that it is typed, but its annotations refuse what its documentation shows.
_new_client: Any = Aiogoogle
_new_api: Any = GoogleAPI
_new_session: Any = AiohttpSession

API_FILE = Path(__file__).with_name("calendar_v3.json")
CONNECT_TIMEOUT_S = 3.0
# Longer than the pause between two readings of busy times, so that a call finds a warm connection.
KEEP_ALIVE_S = 90.0
PAGE_SIZE = 2500
PAGES_LIMIT = 40
WRITER_ROLES = frozenset({"owner", "writer"})
WRITE_SCOPES = frozenset({SCOPE, f"{SCOPE}.events"})


class GoogleCalendar:
    """Reads busy times and writes events; use as `async with`, for the life of the process."""

    def __init__(self, access: CalendarAccess) -> None:
        self._access = access
        description = json.loads(API_FILE.read_text(encoding="utf-8"))
        description["rootUrl"] = access.api_root.rstrip("/") + "/"
        self._api = _new_api(description)
        self._client: Any = None
        self._session: _LastingSession | None = None
        self._tokens: AccessTokens | None = None

    async def open(self) -> None:
        """Make the HTTP session; nothing is sent and no key is read yet."""
        session = _LastingSession(self._access.timeout_s)
        self._session = session
        self._client = _new_client(session_factory=lambda: session)
        self._tokens = AccessTokens(self._access, lambda: session)

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

    async def busy(
        self, start: datetime, end: datetime, *, zone_name: str = "UTC"
    ) -> tuple[Taken, ...]:
        """Return the calendar's busy blocks between two instants; `zone_name` only has to exist.

        Raises:
            CalendarError: no answer, or an error inside the answer.
        """
        calendar_id = self._access.calendar_id
        query = {
            "timeMin": start.isoformat(),
            "timeMax": end.isoformat(),
            "timeZone": zone_name,
            "items": [{"id": calendar_id}],
        }
        answer = await self._send(lambda: self._api.freebusy.query(json=query))
        try:
            found = answer["calendars"][calendar_id]
            # Google answers 200 for a calendar that it cannot show; empty would read as free.
            if found.get("errors"):
                raise refusal(404, {"error": {"errors": found["errors"]}})
            return tuple(
                Taken(datetime.fromisoformat(item["start"]), datetime.fromisoformat(item["end"]))
                for item in found["busy"]
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise unreadable("free/busy answer") from error

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

    async def ours(
        self, installation: str, start: datetime, end: datetime
    ) -> tuple[StoredEvent, ...]:
        """Return the live events between two instants that this installation wrote.

        Raises:
            CalendarError: the calendar could not be read, or has more than 100,000 of them.
        """
        query = {
            "calendarId": self._access.calendar_id,
            "privateExtendedProperty": f"{INSTALLATION_PROPERTY}={installation}",
            "timeMin": start.isoformat(),
            "timeMax": end.isoformat(),
            "singleEvents": True,
            "maxResults": PAGE_SIZE,
        }
        events: list[StoredEvent] = []
        for _ in range(PAGES_LIMIT):
            page = await self._send(lambda: self._api.events.list(**query))
            try:
                events += [StoredEvent.parse(item) for item in page["items"]]
            except (KeyError, TypeError, AttributeError) as error:
                raise unreadable("list of events") from error
            if not page.get("nextPageToken"):
                return tuple(events)
            query["pageToken"] = page["nextPageToken"]
        raise unreadable("list of events without an end")

    async def check_token(self) -> None:
        """Make sure that there is an access token, and that events may be written with it.

        Raises:
            CalendarError: there is none; the advice says what to do.
        """
        if self._tokens is None:
            raise CalendarError("the calendar is not open", retryable=False)
        await self._tokens.header()
        scopes = self._tokens.scopes
        if scopes is not None and WRITE_SCOPES.isdisjoint(scopes):
            reason = "insufficientPermissions"
            raise account_problem(reason, ADVICE[reason])

    async def check_rights(self) -> None:
        """Make sure that the calendar can be read and that events may be written.

        Raises:
            CalendarError: it cannot; the advice says what to do.
        """
        calendar_id = self._access.calendar_id
        page = await self._send(lambda: self._api.events.list(calendarId=calendar_id, maxResults=1))
        role = str(page.get("accessRole"))
        if role not in WRITER_ROLES:
            reason = f"the account is only a {role} of the calendar"
            raise account_problem(reason, ADVICE["requiredAccessLevel"])

    async def insert(self, event: CalendarEvent) -> StoredEvent:
        """Write a new event; its guests are mailed.

        Raises:
            CalendarError: refused (409: the id was used before) or unanswered.
        """
        item = await self._send(
            lambda: self._api.events.insert(
                calendarId=self._access.calendar_id,
                sendUpdates=event.send_updates,
                json=event.body(),
            )
        )
        return StoredEvent.parse(item)

    async def patch(self, event: CalendarEvent, etag: str) -> StoredEvent:
        """Change the event that still has `etag`; its guests are mailed.

        Raises:
            CalendarError: refused (412: somebody changed it meanwhile) or unanswered.
        """

        def build() -> Any:
            request = self._api.events.patch(
                calendarId=self._access.calendar_id,
                eventId=event.event_id,
                sendUpdates=event.send_updates,
                json=event.changes(),
            )
            request.headers["If-Match"] = etag
            return request

        try:
            return StoredEvent.parse(await self._send(build))
        except CalendarError as error:
            if error.status == 404:
                raise CalendarError("the event is gone", retryable=True, status=404) from error
            raise

    async def delete(
        self, event_id: str, *, etag: str | None = None, send_updates: str = "none"
    ) -> None:
        """Delete an event (only one that still has `etag`, if given); gone already is success.

        Raises:
            CalendarError: refused (412: somebody changed it meanwhile) or unanswered.
        """

        def build() -> Any:
            request = self._api.events.delete(
                calendarId=self._access.calendar_id, eventId=event_id, sendUpdates=send_updates
            )
            if etag is not None:
                request.headers["If-Match"] = etag
            return request

        try:
            await self._send(build)
        except CalendarError as error:
            if error.status not in (404, 410):
                raise

    async def _send(self, build: Callable[[], Any]) -> dict[str, Any]:
        """Send what `build` makes; on a 401 once more with a fresh token."""
        if self._session is None or self._tokens is None:
            raise CalendarError("the calendar is not open", retryable=False)
        header = await self._tokens.header()
        response = await self._transmit(build(), header)
        if response.status_code == 401:
            header = await self._tokens.header(rejected=header)
            response = await self._transmit(build(), header)
        if response.status_code >= 400:
            raise refusal(response.status_code, response.json, response.headers)
        if response.status_code == 204:
            return {}
        if not isinstance(response.json, dict):
            raise unreadable("answer", response.status_code)
        return response.json

    async def _transmit(self, request: Any, header: str) -> Any:
        request.headers["Authorization"] = header
        try:
            async with asyncio.timeout(self._access.timeout_s):
                return await self._client.send(request, full_res=True, raise_for_status=False)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise no_answer(error) from error


class _LastingSession:
    """The one session that aiogoogle gets whenever it asks for a new one.

    aiogoogle opens a session per task and forgets to close it; this one ignores its `async with`.
    """

    def __init__(self, timeout_s: float) -> None:
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        connector = aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_S)
        self._session = _new_session(timeout=timeout, connector=connector)

    async def __aenter__(self) -> _LastingSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def send(self, *requests: Any, **options: Any) -> Any:
        return await self._session.send(*requests, **options)

    async def close(self) -> None:
        await self._session.close()
