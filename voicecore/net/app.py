"""The HTTP server of one worker: its routes and its limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from voicecore.net import docs_page, report_webhooks, webhooks
from voicecore.net.ics_route import ICS_PATH, ics_file
from voicecore.net.media_stream import media_stream
from voicecore.net.server_parts import PARTS, STREAM_PATH, ServerParts
from voicecore.net.signed_form import MAX_FORM_BYTES
from voicecore.net.spoken_answers import RESULT_PATH, WHISPER_PATH

IDLE_S = 30.0
"""A connection that does not get a request's head across in this time is cut."""
SHUTDOWN_S = 1.0

_WEBHOOKS: tuple[tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]], ...] = (
    ("/incoming-call", webhooks.incoming_call),
    ("/call-resume", webhooks.call_resume),
    ("/call-error", webhooks.call_error),
    ("/outbound-reminder", webhooks.outbound_reminder),
    (WHISPER_PATH, webhooks.transfer_whisper),
    (RESULT_PATH, webhooks.transfer_result),
    ("/call-status", report_webhooks.call_status),
    ("/amd", report_webhooks.amd),
    ("/stream-status", report_webhooks.stream_status),
    ("/sms-status", report_webhooks.sms_status),
    ("/sms-incoming", report_webhooks.sms_incoming),
)


def build_app(parts: ServerParts) -> web.Application:
    """Routes over `parts`; the caller starts and stops it."""
    app = web.Application(client_max_size=MAX_FORM_BYTES)
    app[PARTS] = parts
    for path, handler in _WEBHOOKS:
        app.router.add_post(path, handler)
    app.router.add_get(STREAM_PATH, media_stream)
    app.router.add_get(ICS_PATH, ics_file)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/openapi.json", docs_page.openapi_json)
    app.router.add_get("/docs", docs_page.docs)
    return app


def make_runner(parts: ServerParts, *, idle_s: float = IDLE_S) -> web.AppRunner:
    """The server over `parts`, with a limit on connections that say nothing."""
    return web.AppRunner(
        build_app(parts),
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=idle_s,
        # Who is answered before the end of a form is let go: nobody waits for the rest.
        lingering_time=0.0,
    )


async def _healthz(_request: web.Request) -> web.Response:
    """The loop turns: all that a restart could mend."""
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    """Whether a load balancer may send another call here."""
    parts = request.app[PARTS]
    if parts.is_full:
        return web.Response(status=503, text="draining\n" if parts.draining else "full\n")
    return web.Response(text="ready\n")
