"""What the demonstration call proved: one value per promise, from rows, audio and the flight log.

Nothing here believes what the agent said: a step holds when the database, the calendar, the SMS
and the caller's ear show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed

SLOWEST_ANSWER_MS = 4000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerTurn:
    """One utterance as the line saw it; times in ms, None where it did not happen.

    `onset_s` and `end_s` count from the start of the media stream.
    """

    text: str
    manner: str
    onset_s: float
    end_s: float
    voice_to_voice_ms: float | None
    onset_to_clear_ms: float | None
    stale_ms: float
    engine_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpeech:
    """One speech of the agent as the caller heard it."""

    text: str
    words: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedRow:
    """The appointment in the database, and its event in the calendar."""

    appointment_id: int
    bay: str
    start: datetime
    status: str
    calendar_event_id: str | None
    calendar_start: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the report is made of.

    `barge_in_kinds` are the engine's decisions with the moment of the pause, in seconds from the
    start of the stream. `busy` is what staff had blocked in the calendar beforehand.
    """

    turns: Sequence[CallerTurn]
    speeches: Sequence[AgentSpeech]
    history: Sequence[HistoryItem]
    barge_in_kinds: Sequence[tuple[float, str]]
    bookings: Sequence[BookedRow]
    sms: Sequence[tuple[str, str]]
    busy: tuple[datetime, datetime]
    underrun_ms: Sequence[float]
    problems: Sequence[str]
    script_error: str


Report = dict[str, object]


def build_report(evidence: Evidence) -> tuple[Report, tuple[str, ...]]:
    """The report as JSON, and what is missing in words; nothing missing means that all holds."""
    barge_ins = decided_barge_ins(evidence)
    booking = evidence.bookings[0] if len(evidence.bookings) == 1 else None
    steps = {
        "answered": _answered(evidence),
        "identified": _identified(evidence),
        "requested": _requested(evidence),
        "offered": _offered(evidence),
        "booked": _booked(evidence, booking),
        "confirmed": _confirmed(evidence, booking),
        "interrupted": {kind for _, kind, _ in barge_ins} == {"interrupt", "resume"},
    }
    report: Report = {
        "steps": steps,
        "turns": [
            {
                "caller": turn.text,
                "voice_to_voice_ms": _rounded(turn.voice_to_voice_ms),
                "engine_ms": _rounded(turn.engine_ms),
            }
            for turn in evidence.turns
            if turn.manner != "backchannel"
        ],
        "barge_ins": [
            {"caller": text, "kind": kind, "onset_to_clear_ms": _rounded(delay_ms)}
            for text, kind, delay_ms in barge_ins
        ],
        "booking": None
        if booking is None
        else {
            "appointment_id": booking.appointment_id,
            "bay": booking.bay,
            "start": booking.start.isoformat(),
        },
        "calendar_event_id": None if booking is None else booking.calendar_event_id,
        "sms_sid": evidence.sms[0][0] if evidence.sms else None,
        "heard": [item.text for item in evidence.history if isinstance(item, AgentSaid)],
        "unheard_words_kept": list(_unheard_words(evidence)),
        "underrun_ms": [_rounded(gap_ms) for gap_ms in evidence.underrun_ms],
        "stale_ms": sum(turn.stale_ms for turn in evidence.turns),
        "problems": [*evidence.problems],
    }
    return report, _missing(evidence, report, steps)


def _missing(evidence: Evidence, report: Report, steps: dict[str, bool]) -> tuple[str, ...]:
    missing = [f"step {name}" for name, holds in steps.items() if not holds]
    if evidence.script_error:
        missing.append(f"the caller's script: {evidence.script_error}")
    if len(evidence.bookings) != 1:
        missing.append(f"exactly one booking (there are {len(evidence.bookings)})")
    missing += [name for name in ("calendar_event_id", "sms_sid") if report[name] is None]
    missing += [
        f"an answer to {turn.text!r} within {SLOWEST_ANSWER_MS:.0f} ms"
        for turn in evidence.turns
        if turn.manner != "backchannel"
        and (turn.voice_to_voice_ms is None or turn.voice_to_voice_ms > SLOWEST_ANSWER_MS)
    ]
    if report["unheard_words_kept"]:
        missing.append("a context without unheard words")
    if report["stale_ms"]:
        missing.append("silence after a clear")
    if evidence.underrun_ms:
        missing.append("speech without gaps")
    if evidence.problems:
        missing.append("a call without protocol problems")
    return tuple(missing)


def decided_barge_ins(evidence: Evidence) -> list[tuple[str, str, float]]:
    """Each overlap of the caller that silenced the agent: text, decision, delay to `clear`.

    Words that interrupt may come in two runs of voice; the last decision on them counts.
    """
    found = []
    for turn in evidence.turns:
        if turn.manner == "say" or turn.onset_to_clear_ms is None:
            continue
        first_s, last_s = turn.onset_s - 0.05, turn.end_s + 1.0
        kinds = [kind for at_s, kind in evidence.barge_in_kinds if first_s <= at_s <= last_s]
        if kinds:
            found.append((turn.text, kinds[-1], turn.onset_to_clear_ms))
    return found


def _answered(evidence: Evidence) -> bool:
    """The greeting was heard to its end and asks something."""
    return bool(evidence.speeches) and (
        evidence.speeches[0].complete and evidence.speeches[0].text.rstrip().endswith("?")
    )


def _identified(evidence: Evidence) -> bool:
    """A look-up found the caller, and they heard of their car and the last visit."""
    result = _result(evidence, "lookup_customer")
    if result is None or not result.get("found") or not result.get("last_visit"):
        return False
    cars = result.get("vehicles")
    if not isinstance(cars, list) or not cars:
        return False
    model = str(cars[0]["label"]).rsplit(" ", 1)[-1].lower()
    heard = _heard_text(evidence)
    return model in heard and "last" in heard


def _requested(evidence: Evidence) -> bool:
    """The caller's wish for an appointment came through as words."""
    return any(
        isinstance(item, CallerSaid) and "oil change" in item.text.lower()
        for item in evidence.history
    )


def _offered(evidence: Evidence) -> bool:
    """Slots were offered, and none of them lies in what staff had blocked."""
    result = _result(evidence, "get_available_slots")
    slots = [] if result is None else result.get("slots")
    if not isinstance(slots, list) or not slots:
        return False
    busy_from, busy_to = evidence.busy
    starts = [datetime.fromisoformat(str(slot["start"])) for slot in slots]
    return not any(busy_from <= start < busy_to for start in starts)


def _booked(evidence: Evidence, booking: BookedRow | None) -> bool:
    """One confirmed row with its calendar event, after a read-back that was heard and a yes."""
    if booking is None or booking.status != "confirmed" or booking.calendar_event_id is None:
        return False
    if booking.calendar_start != booking.start:
        return False
    return _agreed(evidence.history)


def _agreed(history: Sequence[HistoryItem]) -> bool:
    """The time that was booked had been read back, heard whole, and answered by the caller."""
    heard: list[str] = []
    answered = False
    for item in history:
        match item:
            case AgentSaid(text=text, complete=True):
                heard.append(text)
                answered = False
            case CallerSaid():
                answered = True
            case ToolUsed(name="book_appointment", content=content):
                result = orjson.loads(content)
                if result.get("status") == "booked":
                    when = str(result["spoken"])
                    return answered and any(when in text for text in heard)
                heard.clear()
            case _:
                pass
    return False


def _confirmed(evidence: Evidence, booking: BookedRow | None) -> bool:
    """The caller heard that it is booked, and the SMS names the day."""
    if booking is None or len(evidence.sms) != 1:
        return False
    day = f"{booking.start:%b} {booking.start.day}"
    return "booked" in _heard_text(evidence) and day in evidence.sms[0][1]


def _unheard_words(evidence: Evidence) -> tuple[str, ...]:
    """Words that the context keeps of interrupted speech though they never sounded."""
    unheard: list[str] = []
    heard = _plain(" ".join(word for speech in evidence.speeches for word in speech.words))
    for item in evidence.history:
        if isinstance(item, AgentSaid) and _plain(item.text) not in heard:
            unheard += item.text.split()
    return tuple(unheard)


def _heard_text(evidence: Evidence) -> str:
    return " ".join(word for speech in evidence.speeches for word in speech.words).lower()


def _result(evidence: Evidence, tool: str) -> dict[str, object] | None:
    """The result of the tool's last successful use."""
    for item in reversed(evidence.history):
        if isinstance(item, ToolUsed) and item.name == tool and item.ok:
            result = orjson.loads(item.content)
            return result if isinstance(result, dict) else None
    return None


def _plain(text: str) -> str:
    kept = "".join(char if char.isalnum() else " " for char in text.lower())
    return " ".join(kept.split())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
