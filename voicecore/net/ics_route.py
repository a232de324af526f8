"""`GET /appointments/<token>.ics`: one appointment as a calendar file, for whoever has the link."""

from __future__ import annotations

from aiohttp import web

from voicecore.net.calendar_files import render_ics
from voicecore.net.ics_link import PATH, LinkProblem
from voicecore.net.server_parts import PARTS

ICS_PATH = f"{PATH}{{token}}.ics"


async def ics_file(request: web.Request) -> web.Response:
    """Answer with the file: 404 for an address that we did not make, 410 for one that ran out."""
    files = request.app[PARTS].calendar_files
    if files is None:
        raise web.HTTPNotFound(text="There is no such appointment.")
    appointment_id = files.links.read(request.match_info["token"])
    if appointment_id is LinkProblem.EXPIRED:
        raise web.HTTPGone(text="This link has expired. Please call us.")
    visit = None if isinstance(appointment_id, LinkProblem) else await files.find(appointment_id)
    if visit is None:
        raise web.HTTPNotFound(text="There is no such appointment.")
    return web.Response(
        body=render_ics(visit, files).encode(),
        headers={
            "Content-Type": "text/calendar; charset=utf-8; method=PUBLISH",
            "Content-Disposition": 'attachment; filename="appointment.ics"',
            "Cache-Control": "private, no-store",
        },
    )
