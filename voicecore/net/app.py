"""The HTTP server of one worker: its routes and its limits."""

from __future__ import annotations

from aiohttp import web

from voicecore.net import webhooks
from voicecore.net.media_stream import media_stream
from voicecore.net.server_parts import PARTS, STREAM_PATH, ServerParts


def build_app(parts: ServerParts) -> web.Application:
    """Routes over `parts`; the caller starts and stops it."""
    app = web.Application(client_max_size=webhooks.MAX_FORM_BYTES)
    app[PARTS] = parts
    app.router.add_post("/incoming-call", webhooks.incoming_call)
    app.router.add_post("/call-resume", webhooks.call_resume)
    app.router.add_get(STREAM_PATH, media_stream)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz)
    return app


async def _healthz(_request: web.Request) -> web.Response:
    """The loop turns: all that a restart could mend."""
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    """Whether a load balancer may send another call here."""
    parts = request.app[PARTS]
    if parts.is_full:
        return web.Response(status=503, text="draining\n" if parts.draining else "full\n")
    return web.Response(text="ready\n")
