"""Gathers what the demonstration left behind: the line's truth, the rows, the calendar, the SMS.

The line is described by its shape, so that nothing here knows the stand-ins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from voicecore.ops.demo_report import (
    AgentSpeech,
    BookedRow,
    CallerTurn,
    Evidence,
    Report,
    decided_barge_ins,
)
from voicecore.ops.demo_timeline import demo_timeline
from voicecore.ops.flight_log import FlightLog
from voicecore.ops.timeline import MarkPoint, SpeechSpan, render_timeline


class Utterance(Protocol):
    """One thing that the caller said; seconds on the line's clock."""

    @property
    def text(self) -> str: ...
    @property
    def manner(self) -> str: ...
    @property
    def onset_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


class SpokenTurn(Protocol):
    """An utterance with what it did to the agent."""

    @property
    def utterance(self) -> Utterance: ...
    @property
    def voice_to_voice_ms(self) -> float | None: ...
    @property
    def onset_to_clear_ms(self) -> float | None: ...
    @property
    def stale_ms(self) -> float: ...
    @property
    def loop_end_s(self) -> float: ...


class HeardSpeech(Protocol):
    """One speech of the agent as it sounded on the line."""

    @property
    def text(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def words(self) -> tuple[str, ...]: ...
    @property
    def complete(self) -> bool: ...


class LineCall(Protocol):
    """A finished call, from the line's side; `zero_s` is its clock's zero on the event clock."""

    @property
    def zero_s(self) -> float: ...
    @property
    def said(self) -> bytes: ...
    @property
    def heard(self) -> bytes: ...
    @property
    def turns(self) -> Sequence[SpokenTurn]: ...
    @property
    def speeches(self) -> Sequence[HeardSpeech]: ...
    @property
    def marks(self) -> Sequence[tuple[float, str, bool]]: ...
    @property
    def underrun_ms(self) -> Sequence[float]: ...
    @property
    def problems(self) -> Sequence[str]: ...
    @property
    def script_error(self) -> str: ...


class Booking(Protocol):
    """One appointment that the call made."""

    @property
    def appointment_id(self) -> int: ...
    @property
    def bay_name(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def status(self) -> str: ...
    @property
    def calendar_event_id(self) -> str | None: ...


def gather_evidence(
    call: LineCall,
    flight_log: FlightLog,
    *,
    bookings: Sequence[Booking],
    events: Sequence[Mapping[str, Any]],
    sms: Sequence[tuple[str, str]],
    busy: tuple[datetime, datetime],
) -> Evidence:
    """Return everything as the report wants it, times from the start of the stream.

    Args:
        call: what the line knows.
        flight_log: what the engine did.
        bookings: the call's rows in the database.
        events: the calendar's live events, in Google's JSON.
        sms: SID and body of each message sent.
        busy: what staff had blocked beforehand, in the shop's zone.
    """
    event_of = {str(event["id"]): event for event in events}
    stream_s = flight_log.started_at - call.zero_s
    return Evidence(
        turns=[
            CallerTurn(
                text=turn.utterance.text,
                manner=str(turn.utterance.manner),
                onset_s=turn.utterance.onset_s - stream_s,
                end_s=turn.utterance.end_s - stream_s,
                voice_to_voice_ms=turn.voice_to_voice_ms,
                onset_to_clear_ms=turn.onset_to_clear_ms,
                stale_ms=turn.stale_ms,
                engine_ms=flight_log.engine_ms_after(turn.loop_end_s),
            )
            for turn in call.turns
        ],
        speeches=[
            AgentSpeech(text=item.text, words=item.words, complete=item.complete)
            for item in call.speeches
        ],
        history=flight_log.history,
        barge_in_kinds=flight_log.barge_ins(),
        bookings=[_booked_row(row, event_of, busy[0]) for row in bookings],
        sms=sms,
        busy=busy,
        underrun_ms=call.underrun_ms,
        problems=call.problems,
        script_error=call.script_error,
    )


def write_demo(
    out: Path, call: LineCall, flight_log: FlightLog, evidence: Evidence, report: Report
) -> None:
    """Leave `report.json`, `flight.jsonl` and `timeline.html` in the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    flight_log.write(out / "flight.jsonl")
    (out / "report.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    timeline = demo_timeline(
        flight_log,
        zero_at=call.zero_s,
        said=call.said,
        heard=call.heard,
        turns=evidence.turns,
        agent=[
            SpeechSpan(
                who="agent",
                start_s=item.start_s,
                end_s=item.end_s,
                text=item.text,
                complete=item.complete,
            )
            for item in call.speeches
        ],
        marks=[MarkPoint(at_s=at_s, name=name, cleared=gone) for at_s, name, gone in call.marks],
        barge_ins=decided_barge_ins(evidence),
    )
    (out / "timeline.html").write_text(render_timeline(timeline), encoding="utf-8")


def _booked_row(
    row: Booking, event_of: Mapping[str, Mapping[str, Any]], local: datetime
) -> BookedRow:
    event = event_of.get(row.calendar_event_id or "")
    return BookedRow(
        appointment_id=row.appointment_id,
        bay=row.bay_name,
        start=row.start.astimezone(local.tzinfo),
        status=row.status,
        calendar_event_id=None if event is None else row.calendar_event_id,
        calendar_start=(
            None if event is None else datetime.fromisoformat(event["start"]["dateTime"])
        ),
    )
