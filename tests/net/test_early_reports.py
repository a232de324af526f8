"""Reports that came before their call are kept, in order, once."""

from __future__ import annotations

from datetime import UTC, datetime

from voicecore.net.early_reports import KEPT_S, MOST, EarlyReports
from voicecore.net.phone_events import AnsweredBy, CallProgress, StreamProgress
from voicecore.net.redis_link import RedisLink, open_session_redis

AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


async def test_what_was_kept_comes_back_once(redis_url: str) -> None:
    client = open_session_redis(redis_url)
    early = EarlyReports(RedisLink(client, timeout_s=5.0))
    reports = [
        CallProgress(call_sid="CA1", status="ringing", at=AT, sequence=1, from_e164="+13125550142"),
        AnsweredBy(call_sid="CA1", verdict="human", after_ms=900),
        StreamProgress(call_sid="CA1", stream_sid="MZ1", event="stream-started", at=AT),
    ]
    for report in reports:
        await early.keep(report)
    assert 0 < await client.ttl("early:{CA1}") <= KEPT_S
    assert await early.take("CA2") == []
    assert await early.take("CA1") == reports
    assert await early.take("CA1") == []
    await client.aclose()


async def test_only_the_newest_are_kept_and_nonsense_is_passed_over(redis_url: str) -> None:
    client = open_session_redis(redis_url)
    early = EarlyReports(RedisLink(client, timeout_s=5.0))
    for number in range(MOST + 5):
        await early.keep(AnsweredBy(call_sid="CA1", verdict=f"v{number}"))
    await client.rpush("early:{CA1}", "x", "{}", '{"kind":"AnsweredBy","fields":{"y":1}}')
    taken = await early.take("CA1")
    assert [report.verdict for report in taken if isinstance(report, AnsweredBy)] == [
        f"v{number}" for number in range(5, MOST + 5)
    ]
    await client.aclose()


async def test_without_redis_nothing_is_kept() -> None:
    client = open_session_redis("redis://127.0.0.1:1")
    early = EarlyReports(RedisLink(client))
    await early.keep(AnsweredBy(call_sid="CA1", verdict="human"))
    assert await early.take("CA1") == []
    await client.aclose()
