"""Google's token endpoint and Calendar API v3 on loopback, with faults to order.

Source: Google Calendar API v3 reference; Google Identity, "Using OAuth 2.0 for Web Server
Applications" (refreshing an access token).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from voicecore.sandbox.google_busy import free_busy
from voicecore.sandbox.google_events import (
    EventStore,
    GoogleFault,
    Json,
    read_filter,
)
from voicecore.sandbox.google_faults import (
    STATUS_OF,
    FaultStorm,
    Mishap,
    Quota,
    ordered_fault,
)
from voicecore.sandbox.google_invites import (
    Mail,
    SentMail,
    check_attendees,
    check_send_updates,
    mails_about,
)
from voicecore.sandbox.google_oauth import FULL_SCOPE, Grant, OAuthDesk

AUTH = "https://www.googleapis.com/auth/"
WRITE_SCOPES = frozenset({FULL_SCOPE, AUTH + "calendar.events", AUTH + "calendar.events.owned"})
READ_SCOPES = WRITE_SCOPES | {AUTH + "calendar.readonly", AUTH + "calendar.events.readonly"}
BUSY_SCOPES = frozenset(
    {
        FULL_SCOPE,
        AUTH + "calendar.readonly",
        AUTH + "calendar.freebusy",
        AUTH + "calendar.events.freebusy",
    }
)
API = "/calendar/v3/"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request to the Calendar API and the status it got (0: connection dropped)."""

    method: str
    path: str
    status: int


class GoogleSandbox:
    """Serves `auth_url`, `token_url` and `api_root`; events live in memory, a store per calendar.

    Knobs: `fail_next`, `drop_after_commit_next`, `storm`, `quota`, `delay_s`, `retry_after_s`,
    `forbidden_calendars`, `read_only_calendars`, and those of `oauth`: `scope`, `expires_in_s`,
    `delegated`.
    """

    def __init__(
        self,
        *,
        calendar_ids: tuple[str, ...] = ("bays@group.calendar.google.com",),
        zone: ZoneInfo | None = None,
        client_id: str = "sandbox-client.apps.googleusercontent.com",
        client_secret: str = "sandbox-client-secret",
        refresh_token: str = "1//sandbox-refresh-token",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.oauth = OAuthDesk(
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            clock=clock,
        )
        self.delay_s = 0.0
        self.retry_after_s: int | None = None
        self.forbidden_calendars: set[str] = set()
        self.read_only_calendars: set[str] = set()
        self.storm: FaultStorm | None = None
        self.quota = Quota()
        self.requests: list[SeenRequest] = []
        self.mails: list[SentMail] = []
        self._clock = clock
        self._stores = {
            name: EventStore(calendar_id=name, zone=zone or ZoneInfo("UTC"), clock=clock)
            for name in calendar_ids
        }
        self._faults: list[GoogleFault] = []
        self._drops = 0
        self._runner: web.AppRunner | None = None
        self._port = 0

    # --- running -----------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        app = web.Application(middlewares=[self._google_errors])
        events = "/calendar/v3/calendars/{calendar}/events"
        app.router.add_get("/auth", self.oauth.consent_page)
        app.router.add_post("/auth", self.oauth.decide)
        app.router.add_post("/token", self._token)
        app.router.add_post("/calendar/v3/freeBusy", self._free_busy)
        app.router.add_get(events, self._list)
        app.router.add_post(events, self._insert)
        app.router.add_get(events + "/{event}", self._get)
        app.router.add_patch(events + "/{event}", self._patch)
        app.router.add_delete(events + "/{event}", self._delete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the socket; the events stay readable."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> GoogleSandbox:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def api_root(self) -> str:
        """The `rootUrl` of the API, with its slash."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def token_url(self) -> str:
        """The OAuth2 token endpoint."""
        return self.api_root + "token"

    @property
    def auth_url(self) -> str:
        """The page where a person consents."""
        return self.api_root + "auth"

    @property
    def client_id(self) -> str:
        """The OAuth client that is known here."""
        return self.oauth.client_id

    @property
    def client_secret(self) -> str:
        """Its secret."""
        return self.oauth.client_secret

    @property
    def refresh_token(self) -> str:
        """The refresh token that is valid from the start."""
        return self.oauth.refresh_token

    @property
    def token_requests(self) -> int:
        """How often a token was asked for."""
        return self.oauth.requests

    # --- looking in and turning knobs --------------------------------------------------------

    @property
    def calendar_id(self) -> str:
        """The first calendar, which is also `primary`."""
        return next(iter(self._stores))

    @property
    def events(self) -> list[Json]:
        """Copies of the live events of every calendar, oldest first."""
        return [event for event in self.all_events if event["status"] != "cancelled"]

    @property
    def all_events(self) -> list[Json]:
        """Copies of every event of every calendar, tombstones included."""
        return [event for store in self._stores.values() for event in store.all_events()]

    def add_staff_event(
        self,
        start: datetime,
        end: datetime,
        *,
        summary: str = "Blocked by staff",
        calendar_id: str | None = None,
    ) -> str:
        """Put in an event as a person does in the calendar's own page; return its id."""
        body = {
            "summary": summary,
            "start": {"dateTime": start.isoformat()},
            "end": {"dateTime": end.isoformat()},
        }
        event_id = self._store(calendar_id or self.calendar_id).insert(body)["id"]
        assert isinstance(event_id, str)
        return event_id

    def staff_edit(self, event_id: str, *, calendar_id: str | None = None, **fields: Any) -> None:
        """Change an event as a person does in the calendar's own page."""
        self._store(calendar_id or self.calendar_id).patch(event_id, fields, None)

    def staff_move(self, event_id: str, start: datetime, end: datetime) -> None:
        """Drag an event to another time, or by its edge."""
        self.staff_edit(
            event_id,
            start={"dateTime": start.isoformat()},
            end={"dateTime": end.isoformat()},
        )

    def staff_delete(self, event_id: str, *, calendar_id: str | None = None) -> None:
        """Delete an event as a person does in the calendar's own page."""
        self._store(calendar_id or self.calendar_id).delete(event_id, None)

    def service_account_info(self) -> dict[str, str]:
        """Return the content of a service account's JSON key file."""
        return self.oauth.service_account_info(self.token_url)

    def fail_next(self, count: int, status: int = 503) -> None:
        """Answer the next `count` API requests with 403, 429, 500 or 503, nothing done."""
        self._faults += [ordered_fault(status)] * count

    def drop_after_commit_next(self, count: int = 1) -> None:
        """Carry out the next `count` writes, then cut the connection without an answer."""
        self._drops += count

    def revoke_refresh_token(self) -> None:
        """From now on the token endpoint answers `invalid_grant`."""
        self.oauth.revoke()

    def expire_access_tokens(self) -> None:
        """Make every access token given out so far invalid."""
        self.oauth.expire_access_tokens()

    async def _token(self, request: web.Request) -> web.Response:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return await self.oauth.token(request)

    # --- the Calendar API --------------------------------------------------------------------

    @web.middleware
    async def _google_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(API):
            return await handler(request)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        is_write = request.method != "GET" and not request.path.endswith("/freeBusy")
        mishap = None
        if self.storm is not None:
            is_conditional = is_write and "If-Match" in request.headers
            mishap = self.storm.next(is_write=is_write, is_conditional=is_conditional)
        response = await self._answered(request, handler, mishap)
        if mishap in (Mishap.HANG, Mishap.LATE) and self.storm is not None:
            self.requests.append(SeenRequest(request.method, request.path, 0))
            await asyncio.sleep(self.storm.hang_s)
            return response
        is_dropped = mishap is Mishap.DROP
        if self._drops > 0 and is_write and response.status < 300:
            self._drops -= 1
            is_dropped = True
        if is_dropped and request.transport is not None:
            request.transport.abort()
        status = 0 if is_dropped else response.status
        self.requests.append(SeenRequest(request.method, request.path, status))
        return response

    async def _answered(
        self, request: web.Request, handler: Handler, mishap: Mishap | None
    ) -> web.StreamResponse:
        """Carry the request out, or refuse it in Google's words."""
        try:
            if self._faults:
                raise self._faults.pop(0)
            if mishap in STATUS_OF:
                raise ordered_fault(STATUS_OF[mishap])
            if mishap is Mishap.HANG:
                raise ordered_fault(503)
            if mishap is Mishap.STAFF_EDIT:
                self._edit_meanwhile(request)
            self.quota.spend(self._clock())
            return await handler(request)
        except GoogleFault as fault:
            response = web.json_response(fault.body(), status=fault.status)
            if fault.status == 401:
                response.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
            if fault.domain == "usageLimits" and self.retry_after_s is not None:
                response.headers["Retry-After"] = str(self.retry_after_s)
            return response
        except web.HTTPException as refusal:
            unknown = GoogleFault(refusal.status, "notFound", refusal.reason)
            return web.json_response(unknown.body(), status=refusal.status)

    def _edit_meanwhile(self, request: web.Request) -> None:
        store = self._store(request.match_info["calendar"])
        event = store.get(request.match_info["event"])
        if event["status"] != "cancelled":
            store.patch(event["id"], {"colorId": str(event["sequence"] % 11 + 1)}, None)

    async def _free_busy(self, request: web.Request) -> web.Response:
        self._authorize(request, BUSY_SCOPES)
        body = await read_json(request)

        def store_of(name: str) -> EventStore | None:
            store = self._stores.get(self.calendar_id if name == "primary" else name)
            hidden = store is None or store.calendar_id in self.forbidden_calendars
            return None if hidden else store

        return web.json_response(free_busy(body, store_of))

    async def _list(self, request: web.Request) -> web.Response:
        self._authorize(request, READ_SCOPES)
        store = self._store(request.match_info["calendar"])
        page = store.page(read_filter(request.query))
        if store.calendar_id in self.read_only_calendars:
            page["accessRole"] = "reader"
        return web.json_response(page)

    async def _insert(self, request: web.Request) -> web.Response:
        store, grant, send_updates = self._for_write(request)
        body = await read_json(request)
        check_attendees(body, grant)
        event = store.insert(body)
        self.mails += mails_about(event, Mail.INVITED, send_updates)
        return event_response(event)

    async def _get(self, request: web.Request) -> web.Response:
        self._authorize(request, READ_SCOPES)
        store = self._store(request.match_info["calendar"])
        return event_response(store.get(request.match_info["event"]))

    async def _patch(self, request: web.Request) -> web.Response:
        store, grant, send_updates = self._for_write(request)
        body = await read_json(request)
        check_attendees(body, grant)
        if_match = request.headers.get("If-Match")
        event = store.patch(request.match_info["event"], body, if_match)
        self.mails += mails_about(event, Mail.CHANGED, send_updates)
        return event_response(event)

    async def _delete(self, request: web.Request) -> web.Response:
        store, _, send_updates = self._for_write(request)
        event_id = request.match_info["event"]
        store.delete(event_id, request.headers.get("If-Match"))
        self.mails += mails_about(store.get(event_id), Mail.CANCELLED, send_updates)
        return web.Response(status=204)

    def _authorize(self, request: web.Request, allowed: frozenset[str]) -> Grant:
        return self.oauth.authorize(request.headers.get("Authorization", ""), allowed)

    def _for_write(self, request: web.Request) -> tuple[EventStore, Grant, str]:
        """Return the store to write to, who writes, and who is mailed."""
        grant = self._authorize(request, WRITE_SCOPES)
        send_updates = request.query.get("sendUpdates", "none")
        check_send_updates(send_updates)
        store = self._store(request.match_info["calendar"])
        if store.calendar_id in self.read_only_calendars:
            message = "You need to have writer access to this calendar."
            raise GoogleFault(403, "requiredAccessLevel", message, domain="calendar")
        return store, grant, send_updates

    def _store(self, calendar: str) -> EventStore:
        name = self.calendar_id if calendar == "primary" else calendar
        if name in self.forbidden_calendars:
            raise GoogleFault(403, "forbidden", "Forbidden")
        if name not in self._stores:
            raise GoogleFault(404, "notFound", "Not Found")
        return self._stores[name]


def event_response(event: Json) -> web.Response:
    """Return an event with its etag as a header too."""
    return web.json_response(event, headers={"ETag": event["etag"]})


async def read_json(request: web.Request) -> Json:
    """Return the body, which has to be a JSON object.

    Raises:
        GoogleFault: 400 `parseError` where it is not.
    """
    try:
        body: Any = await request.json()
    except ValueError:
        raise GoogleFault(400, "parseError", "Parse Error") from None
    if not isinstance(body, dict):
        raise GoogleFault(400, "parseError", "Parse Error")
    return body
