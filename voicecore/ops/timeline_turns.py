"""A call sorted into turns: what was asked, what the answer waited for, what became of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voicecore.ops.timeline_spans import AnswerGap, BargeInSpan, SpeechSpan, Timeline, ToolSpan

_PART_NAMES = {
    "commit_to_ask_ms": "Turn closed → model asked",
    "llm_first_text_ms": "Model → first text",
    "text_to_speak_ms": "Text → voice asked",
    "speech_first_byte_ms": "Voice → first audio",
    "byte_to_frame_ms": "Audio → first frame out",
}
_ENGINE_PARTS = frozenset({"commit_to_ask_ms", "text_to_speak_ms", "byte_to_frame_ms"})
_TOTALS = frozenset({"turn", "engine_ms", "voice_to_voice_ms"})
_EARLY_S = 0.25
"""A speech's measured start may lie this much before the first sample of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart:
    """One bar of an answer's waterfall; `owner` is "engine", "outside" or "rest"."""

    name: str
    owner: str
    took_ms: float
    left_percent: float
    width_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    """One line of a turn's account: a speech, a barge-in or a tool."""

    at_s: float
    kind: str
    fact: SpeechSpan | BargeInSpan | ToolSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What belongs to one answer: the question, the wait, the reply and what befell it."""

    number: int
    name: str
    start_s: float
    end_s: float
    answer: AnswerGap | None
    parts: tuple[AnswerPart, ...]
    lines: tuple[TurnLine, ...]
    played: int
    cleared: int


def group_turns(timeline: Timeline) -> list[Turn]:
    """Sort everything into the answers; before the first one lies the greeting."""
    answers = sorted(timeline.answers, key=lambda answer: answer.to_s)
    lines: list[list[TurnLine]] = [[] for _ in range(len(answers) + 2)]
    replies = [answer.to_s for answer in answers]
    opened = [answer.from_s for answer in answers]
    for speech in sorted(timeline.speeches, key=lambda speech: speech.start_s):
        asks = speech.who == "caller" and speech.note != "backchannel"
        index = bisect_right(replies, speech.start_s + (0.0 if asks else _EARLY_S)) + asks
        if asks and index <= len(answers):
            opened[index - 1] = min(opened[index - 1], speech.start_s)
        lines[index].append(TurnLine(at_s=speech.start_s, kind="speech", fact=speech))
    for barge_in in timeline.barge_ins:
        index = bisect_right(replies, barge_in.onset_s)
        lines[index].append(TurnLine(at_s=barge_in.clear_s, kind="barge_in", fact=barge_in))
    for tool in timeline.tools:
        index = bisect_right(opened, tool.start_s)
        lines[index].append(TurnLine(at_s=tool.start_s, kind="tool", fact=tool))
    marks = [(bisect_right(replies, mark.at_s), mark.cleared) for mark in timeline.marks]
    return [
        _turn(index, [None, *answers, None][index], group, marks)
        for index, group in enumerate(lines)
        if group or 0 < index <= len(answers)
    ]


def _turn(
    index: int,
    answer: AnswerGap | None,
    lines: Iterable[TurnLine],
    marks: Sequence[tuple[int, bool]],
) -> Turn:
    ordered = tuple(sorted(lines, key=lambda line: line.at_s))
    starts = [line.at_s for line in ordered]
    ends = [line.fact.end_s for line in ordered if not isinstance(line.fact, BargeInSpan)]
    if answer is not None:
        starts.append(answer.from_s)
        ends.append(answer.to_s)
    name = f"Turn {answer.turn}" if answer else "After the last answer"
    if index == 0 or (answer and answer.turn == 0):
        name = "Greeting"
    return Turn(
        number=index,
        name=name,
        start_s=min(starts),
        end_s=max(ends, default=max(starts)),
        answer=answer,
        parts=() if answer is None else _waterfall(answer),
        lines=ordered,
        played=marks.count((index, False)),
        cleared=marks.count((index, True)),
    )


def _waterfall(answer: AnswerGap) -> tuple[AnswerPart, ...]:
    """Lay the parts end to end, so that the last one ends with the answer's first sample."""
    known = {name: ms for name, ms in answer.parts.items() if name not in _TOTALS}
    rest_ms = max(0.0, answer.voice_to_voice_ms - sum(known.values()))
    scale = 100 / max(answer.voice_to_voice_ms, sum(known.values()), 1.0)
    rows = [("Recognition and endpointing", "rest", rest_ms)] if known else []
    for name, took_ms in known.items():
        words = name.removesuffix("_ms").replace("_", " ")
        owner = "engine" if name in _ENGINE_PARTS else "outside"
        rows.append((_PART_NAMES.get(name, words[:1].upper() + words[1:]), owner, took_ms))
    parts: list[AnswerPart] = []
    passed_ms = 0.0
    for label, owner, took_ms in rows:
        parts.append(
            AnswerPart(
                name=label,
                owner=owner,
                took_ms=took_ms,
                left_percent=passed_ms * scale,
                width_percent=took_ms * scale,
            )
        )
        passed_ms += took_ms
    return tuple(parts)
