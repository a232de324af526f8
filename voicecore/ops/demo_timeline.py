"""The demonstration's timeline: the line's truth and the engine's flight log on one clock."""

from __future__ import annotations

from collections.abc import Sequence

from voicecore.call.commands import ResumePlayout, RunTool
from voicecore.call.events import ToolFinished
from voicecore.ops.demo_report import CallerTurn
from voicecore.ops.flight_log import FlightLog
from voicecore.ops.timeline_spans import (
    AnswerGap,
    BargeInSpan,
    MarkPoint,
    SpeechSpan,
    Timeline,
    ToolSpan,
)

LONGEST_RESULT = 160
"""Characters of a tool's result that the page shows."""


def demo_timeline(
    flight_log: FlightLog,
    *,
    zero_at: float,
    said: bytes,
    heard: bytes,
    turns: Sequence[CallerTurn],
    agent: Sequence[SpeechSpan],
    marks: Sequence[MarkPoint],
    barge_ins: Sequence[tuple[str, str, float]],
) -> Timeline:
    """Put everything on the clock of the two tracks.

    Args:
        flight_log: the engine's side; its events count on the event clock.
        zero_at: the tracks' zero on the event clock.
        turns: the caller's utterances, from the start of the stream.
        agent: the agent's speeches as heard, on the tracks' clock.
        marks: the marks as they came back, on the tracks' clock.
        barge_ins: text, decision and onset-to-clear in ms of each, as the report has them.
    """
    stream_s = flight_log.started_at - zero_at
    info = flight_log.info
    number = None if info is None else info.from_e164
    caller_number = f"{number[:2]}•••{number[-4:]}" if number else "a withheld number"
    return Timeline(
        title=f"Call from {caller_number}, {len(heard) / 8000:.0f} s",
        said=said,
        heard=heard,
        speeches=(
            *agent,
            *(
                SpeechSpan(
                    who="caller",
                    start_s=stream_s + turn.onset_s,
                    end_s=stream_s + turn.end_s,
                    text=turn.text,
                    note="" if turn.manner == "say" else turn.manner,
                )
                for turn in turns
            ),
        ),
        answers=_answers(flight_log, turns, stream_s),
        barge_ins=_barge_ins(flight_log, turns, barge_ins, stream_s, zero_at),
        marks=tuple(marks),
        tools=_tools(flight_log, zero_at),
    )


def _answers(
    flight_log: FlightLog, turns: Sequence[CallerTurn], stream_s: float
) -> tuple[AnswerGap, ...]:
    answers = []
    for turn in turns:
        if turn.voice_to_voice_ms is None:
            continue
        end_at = flight_log.started_at + turn.end_s
        facts = next((facts for at, facts in flight_log.timings if at > end_at), {})
        parts = {
            name: float(value)
            for name, value in facts.items()
            if name.endswith("_ms") and name != "engine_ms" and isinstance(value, float)
        }
        number = facts.get("turn")
        answers.append(
            AnswerGap(
                turn=number if isinstance(number, int) else 0,
                from_s=stream_s + turn.end_s,
                to_s=stream_s + turn.end_s + turn.voice_to_voice_ms / 1000,
                voice_to_voice_ms=turn.voice_to_voice_ms,
                engine_ms=turn.engine_ms,
                parts=parts,
            )
        )
    return tuple(answers)


def _barge_ins(
    flight_log: FlightLog,
    turns: Sequence[CallerTurn],
    barge_ins: Sequence[tuple[str, str, float]],
    stream_s: float,
    zero_at: float,
) -> tuple[BargeInSpan, ...]:
    resumes = [
        step.event.at - zero_at
        for step in flight_log.steps
        if any(isinstance(command, ResumePlayout) for command in step.commands)
    ]
    spans = []
    for text, kind, delay_ms in barge_ins:
        onset_s = stream_s + next(turn.onset_s for turn in turns if turn.text == text)
        clear_s = onset_s + delay_ms / 1000
        resumed = [at_s for at_s in resumes if at_s > clear_s]
        spans.append(
            BargeInSpan(
                onset_s=onset_s,
                clear_s=clear_s,
                onset_to_clear_ms=delay_ms,
                kind=kind,
                resumed_s=resumed[0] if kind == "resume" and resumed else None,
            )
        )
    return tuple(spans)


def _tools(flight_log: FlightLog, zero_at: float) -> tuple[ToolSpan, ...]:
    asked = {
        command.call_id: (step.event.at, command)
        for step in flight_log.steps
        for command in step.commands
        if isinstance(command, RunTool)
    }
    return tuple(
        ToolSpan(
            start_s=asked[step.event.call_id][0] - zero_at,
            end_s=step.event.at - zero_at,
            name=asked[step.event.call_id][1].name,
            arguments=asked[step.event.call_id][1].arguments,
            result=step.event.content[:LONGEST_RESULT],
            ok=step.event.ok,
        )
        for step in flight_log.steps
        if isinstance(step.event, ToolFinished) and step.event.call_id in asked
    )
