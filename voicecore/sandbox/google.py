"""Google's token endpoint and Calendar API v3 on loopback, with faults to order.

Source: Google Calendar API v3 reference; Google Identity, "Using OAuth 2.0 for Web Server
Applications" (refreshing an access token).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from voicecore.sandbox.google_events import (
    EventStore,
    GoogleFault,
    Json,
    read_filter,
    read_instant,
    read_zone,
)

AUTH = "https://www.googleapis.com/auth/"
FULL_SCOPE = AUTH + "calendar"
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
FREEBUSY_CALENDARS_LIMIT = 50
FAULT_REASONS = {
    403: ("rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    429: ("rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    500: ("backendError", "Backend Error", "global"),
    503: ("backendError", "Backend Error", "global"),
}
SEND_UPDATES = ("all", "externalOnly", "none")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request to the Calendar API and the status it got (0: connection dropped)."""

    method: str
    path: str
    status: int


class GoogleSandbox:
    """Serves `token_url` and `api_root`; events live in memory, one store per calendar.

    Knobs: `fail_next`, `drop_after_commit_next`, `delay_s`, `revoke_refresh_token`,
    `expire_access_tokens`, `scope`, `forbidden_calendars`.
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
        self.client_id = client_id
        self.client_secret = client_secret
        self.refresh_token = refresh_token
        self.scope = FULL_SCOPE
        self.expires_in_s = 3599
        self.delay_s = 0.0
        self.forbidden_calendars: set[str] = set()
        self.token_requests = 0
        self.requests: list[SeenRequest] = []
        self._clock = clock
        self._stores = {
            name: EventStore(calendar_id=name, zone=zone or ZoneInfo("UTC"), clock=clock)
            for name in calendar_ids
        }
        self._access_tokens: dict[str, datetime] = {}
        self._revoked = False
        self._faults: list[GoogleFault] = []
        self._drops = 0
        self._runner: web.AppRunner | None = None
        self._port = 0

    # --- running -----------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        app = web.Application(middlewares=[self._google_errors])
        events = "/calendar/v3/calendars/{calendar}/events"
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

    def staff_delete(self, event_id: str, *, calendar_id: str | None = None) -> None:
        """Delete an event as a person does in the calendar's own page."""
        self._store(calendar_id or self.calendar_id).delete(event_id, None)

    def fail_next(self, count: int, status: int = 503) -> None:
        """Answer the next `count` API requests with 403, 429, 500 or 503, nothing done."""
        reason, message, domain = FAULT_REASONS[status]
        self._faults += [GoogleFault(status, reason, message, domain=domain)] * count

    def drop_after_commit_next(self, count: int = 1) -> None:
        """Carry out the next `count` writes, then cut the connection without an answer."""
        self._drops += count

    def revoke_refresh_token(self) -> None:
        """From now on the token endpoint answers `invalid_grant`."""
        self._revoked = True
        self._access_tokens.clear()

    def expire_access_tokens(self) -> None:
        """Make every access token given out so far invalid."""
        self._access_tokens.clear()

    # --- OAuth2 ------------------------------------------------------------------------------

    async def _token(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            return oauth_refusal(401, "invalid_client", "The OAuth client was not found.")
        if form.get("grant_type") != "refresh_token":
            return oauth_refusal(400, "unsupported_grant_type", "Invalid grant_type")
        if self._revoked or form.get("refresh_token") != self.refresh_token:
            return oauth_refusal(400, "invalid_grant", "Token has been expired or revoked.")
        token = "ya29." + secrets.token_urlsafe(24)
        self._access_tokens[token] = self._clock() + timedelta(seconds=self.expires_in_s)
        return web.json_response(
            {
                "access_token": token,
                "expires_in": self.expires_in_s,
                "scope": self.scope,
                "token_type": "Bearer",
            }
        )

    def _authorize(self, request: web.Request, allowed: frozenset[str]) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        where = ("header", "Authorization")
        if kind != "Bearer" or not token:
            raise GoogleFault(401, "required", "Login Required.", location=where)
        if self._access_tokens.get(token, datetime.min.replace(tzinfo=UTC)) <= self._clock():
            raise GoogleFault(401, "authError", "Invalid Credentials", location=where)
        if allowed.isdisjoint(self.scope.split()):
            raise GoogleFault(403, "insufficientPermissions", "Insufficient Permission")

    # --- the Calendar API --------------------------------------------------------------------

    @web.middleware
    async def _google_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/token":
            return await handler(request)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        response: web.StreamResponse
        try:
            if self._faults:
                raise self._faults.pop(0)
            response = await handler(request)
        except GoogleFault as fault:
            response = web.json_response(fault.body(), status=fault.status)
            if fault.status == 401:
                response.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
        except web.HTTPException as refusal:
            unknown = GoogleFault(refusal.status, "notFound", refusal.reason)
            response = web.json_response(unknown.body(), status=refusal.status)
        dropped = self._drops > 0 and request.method != "GET" and response.status < 300
        if dropped and not request.path.endswith("/freeBusy"):
            self._drops -= 1
            self.requests.append(SeenRequest(request.method, request.path, 0))
            if request.transport is not None:
                request.transport.abort()
            return response
        self.requests.append(SeenRequest(request.method, request.path, response.status))
        return response

    async def _free_busy(self, request: web.Request) -> web.Response:
        self._authorize(request, BUSY_SCOPES)
        body = await read_json(request)
        if "timeMin" not in body or "timeMax" not in body:
            raise GoogleFault(400, "required", "Missing required field: timeMin or timeMax")
        time_min, time_max = read_instant(body["timeMin"]), read_instant(body["timeMax"])
        if time_max <= time_min:
            raise GoogleFault(400, "timeRangeEmpty", "The specified time range is empty.")
        zone = read_zone(body.get("timeZone", "UTC"))
        items = [str(item.get("id")) for item in body.get("items", [])]
        if len(items) > FREEBUSY_CALENDARS_LIMIT:
            raise GoogleFault(400, "tooManyCalendarsRequested", "Too many calendars requested.")

        def shown(instant: datetime) -> str:
            return instant.astimezone(zone).isoformat().replace("+00:00", "Z")

        calendars: Json = {}
        for name in items:
            store = self._stores.get(self.calendar_id if name == "primary" else name)
            if store is None or store.calendar_id in self.forbidden_calendars:
                errors = [{"domain": "global", "reason": "notFound"}]
                calendars[name] = {"errors": errors, "busy": []}
                continue
            blocks = store.busy(time_min, time_max)
            calendars[name] = {
                "busy": [{"start": shown(start), "end": shown(end)} for start, end in blocks]
            }
        return web.json_response(
            {
                "kind": "calendar#freeBusy",
                "timeMin": shown(time_min),
                "timeMax": shown(time_max),
                "calendars": calendars,
            }
        )

    async def _list(self, request: web.Request) -> web.Response:
        self._authorize(request, READ_SCOPES)
        store = self._store(request.match_info["calendar"])
        return web.json_response(store.page(read_filter(request.query)))

    async def _insert(self, request: web.Request) -> web.Response:
        self._authorize(request, WRITE_SCOPES)
        check_send_updates(request)
        store = self._store(request.match_info["calendar"])
        return event_response(store.insert(await read_json(request)))

    async def _get(self, request: web.Request) -> web.Response:
        self._authorize(request, READ_SCOPES)
        store = self._store(request.match_info["calendar"])
        return event_response(store.get(request.match_info["event"]))

    async def _patch(self, request: web.Request) -> web.Response:
        self._authorize(request, WRITE_SCOPES)
        check_send_updates(request)
        store = self._store(request.match_info["calendar"])
        body = await read_json(request)
        if_match = request.headers.get("If-Match")
        return event_response(store.patch(request.match_info["event"], body, if_match))

    async def _delete(self, request: web.Request) -> web.Response:
        self._authorize(request, WRITE_SCOPES)
        check_send_updates(request)
        store = self._store(request.match_info["calendar"])
        store.delete(request.match_info["event"], request.headers.get("If-Match"))
        return web.Response(status=204)

    def _store(self, calendar: str) -> EventStore:
        name = self.calendar_id if calendar == "primary" else calendar
        if name in self.forbidden_calendars:
            raise GoogleFault(403, "forbidden", "Forbidden")
        if name not in self._stores:
            raise GoogleFault(404, "notFound", "Not Found")
        return self._stores[name]


def oauth_refusal(status: int, error: str, description: str) -> web.Response:
    """Return an OAuth2 error body (RFC 6749 section 5.2)."""
    return web.json_response({"error": error, "error_description": description}, status=status)


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


def check_send_updates(request: web.Request) -> None:
    """Refuse a `sendUpdates` that Google does not know."""
    if request.query.get("sendUpdates", "none") not in SEND_UPDATES:
        raise GoogleFault(400, "invalidParameter", "Invalid value for: sendUpdates")
