"""`early:{call_sid}` in Redis: reports about a call that came before the call itself.

Twilio does not keep the order: the report that a call was answered may overtake the request that
announces it, or the answer that gives a call of ours its SID. Such a report is refused as unknown
and kept aside for a while; when the call is known it is taken down after all. Without Redis it is
lost, as it is when the call never becomes known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import structlog

from voicecore.net.phone_events import AnsweredBy, CallProgress, PhoneEvents, StreamProgress
from voicecore.net.redis_link import RedisLink, key_part

log = structlog.get_logger()

KEPT_S = 600
MOST = 20
_KEEP = """
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
_TAKE = """
local reports = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
return reports
"""

CallReport = CallProgress | AnsweredBy | StreamProgress
_KINDS: dict[str, type[CallReport]] = {
    kind.__name__: kind for kind in (CallProgress, AnsweredBy, StreamProgress)
}


async def tell(events: PhoneEvents, report: CallReport) -> bool:
    """Hand a report to the records; False: the call is unknown."""
    match report:
        case CallProgress():
            return await events.call_status(report)
        case AnsweredBy():
            return await events.answered_by(report)
        case StreamProgress():
            return await events.stream_status(report)


class EarlyReports:
    """Keeps reports of unknown calls aside; at most the newest `MOST` of each."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def keep(self, report: CallReport) -> None:
        """Keep a report until its call is known."""
        body = orjson.dumps({"kind": type(report).__name__, "fields": asdict(report)})
        await self._link.run(_KEEP, _key(report.call_sid), body, MOST, KEPT_S)

    async def take(self, call_sid: str) -> Sequence[CallReport]:
        """Return what was kept of a call, in order, once."""
        bodies = await self._link.run(_TAKE, _key(call_sid))
        reports = []
        for body in bodies or ():
            try:
                reports.append(_report(orjson.loads(body)))
            except (ValueError, TypeError, KeyError) as error:
                log.warning("early_report_unreadable", reason=type(error).__name__)
        return reports


def _report(value: dict[str, Any]) -> CallReport:
    fields = value["fields"]
    if "at" in fields:
        fields["at"] = datetime.fromisoformat(fields["at"])
    return _KINDS[value["kind"]](**fields)


def _key(call_sid: str) -> str:
    return f"early:{{{key_part(call_sid)}}}"
