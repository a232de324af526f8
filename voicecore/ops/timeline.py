"""A call on one page: what was said and heard, how long every answer took, where it was cut.

The page is one HTML file without a reference to anything outside it. Positions are percentages of
the call's length and live in a generated style sheet, so that its content security policy can name
the hash of the only style and the only script, and a transcript can be neither.
"""

from __future__ import annotations

import base64
import hashlib
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from voicecore.ops.mulaw_wav import stereo_mulaw_wav
from voicecore.ops.timeline_spans import (
    AnswerGap,
    BargeInSpan,
    MarkPoint,
    SpeechSpan,
    Timeline,
    ToolSpan,
)
from voicecore.ops.timeline_turns import group_turns
from voicecore.ops.waveform import HALF_HEIGHT, draw_waveforms, find_peaks

__all__ = [
    "AnswerGap",
    "BargeInSpan",
    "MarkPoint",
    "SpeechSpan",
    "Timeline",
    "ToolSpan",
    "render_timeline",
]

GOOD_ANSWER_MS = 700
"""An answer up to this is good, up to `FAIR_ANSWER_MS` fair, beyond it slow."""
FAIR_ANSWER_MS = 1000
GOOD_CLEAR_MS = 200
"""The agent should be silent this soon after the caller's onset."""

_TICK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS = 15
_LONGEST_LABEL = 240
_MARGIN = 0.03
"""Room behind the call's end, as a share of it, so that the last words have a place."""
_MOST_MARGIN_S = 2.0
_LEAST_WIDTH_PX = 640
_LEAST_PX_PER_S = 14
"""A longer call scrolls instead of shrinking further."""
_MOST_ROWS = 3

_Fact = TypeVar("_Fact", AnswerGap, BargeInSpan, ToolSpan)


def render_timeline(timeline: Timeline) -> str:
    """Return the call as one HTML page that needs no network and runs from a file."""
    axis_s = timeline.duration_s + min(_MOST_MARGIN_S, _MARGIN * timeline.duration_s)
    caller, agent = draw_waveforms(
        find_peaks(timeline.said, axis_s), find_peaks(timeline.heard, axis_s)
    )
    wav = stereo_mulaw_wav(timeline.said, timeline.heard)
    turns = group_turns(timeline)
    anchors = {id(line.fact): f"turn-{turn.number}" for turn in turns for line in turn.lines}
    anchors |= {id(turn.answer): f"turn-{turn.number}" for turn in turns if turn.answer}
    page = _TEMPLATES.get_template("timeline.html").render(
        title=timeline.title,
        duration_s=timeline.duration_s,
        axis_s=axis_s,
        least_width_px=_least_width_px(axis_s),
        caller_wave=caller,
        agent_wave=agent,
        caller_speeches=_labelled(timeline.speeches, "caller", axis_s),
        agent_speeches=_labelled(timeline.speeches, "agent", axis_s),
        answers=_in_rows(timeline.answers, lambda answer: answer.to_s, 56, axis_s),
        barge_ins=_in_rows(timeline.barge_ins, lambda barge_in: barge_in.onset_s, 120, axis_s),
        marks=timeline.marks,
        tools=_in_rows(timeline.tools, lambda tool: tool.start_s, 170, axis_s),
        turns=turns,
        anchor=lambda fact: anchors[id(fact)],
        half_height=HALF_HEIGHT,
        summary=_summary(timeline),
        ticks_s=_ticks(timeline.duration_s),
        places=_Places(axis_s),
        audio=base64.b64encode(wav).decode() if len(timeline.said) + len(timeline.heard) else "",
        limits=(GOOD_ANSWER_MS, FAIR_ANSWER_MS, GOOD_CLEAR_MS),
    )
    # A lone surrogate in a transcript must not make the page impossible to write.
    return page.encode("utf-8", "replace").decode()


class _Places:
    """Gives each position on a time axis a CSS class, and writes the rules of all of them."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._classes: dict[tuple[float, float], str] = {}

    def span(self, start_s: float, end_s: float) -> str:
        """The class of an element from `start_s` to `end_s`, cut to the axis."""
        left = self._percent(start_s)
        return self.box(left, max(0.0, self._percent(end_s) - left))

    def box(self, left_percent: float, width_percent: float) -> str:
        """The class of an element placed by percentages of whatever holds it."""
        place = (round(left_percent, 4), round(width_percent, 4))
        return self._classes.setdefault(place, f"p{len(self._classes)}")

    def css(self) -> Markup:
        """The rules; numbers and our own names only."""
        rules = (
            f".{name}{{left:{left:.4f}%;width:{width:.4f}%}}\n"
            for (left, width), name in self._classes.items()
        )
        return Markup("".join(rules))

    def _percent(self, at_s: float) -> float:
        return 100 * min(max(0.0, at_s / self._duration_s), 1.0)


def _labelled(
    speeches: Iterable[SpeechSpan], who: str, axis_s: float
) -> list[tuple[SpeechSpan, float]]:
    """Pair each speech with the next one's start: its label may run on as far as that."""
    own = sorted((speech for speech in speeches if speech.who == who), key=_start_s)
    return list(zip(own, [*map(_start_s, own[1:]), axis_s], strict=False))


def _start_s(speech: SpeechSpan) -> float:
    return speech.start_s


def _least_width_px(axis_s: float) -> float:
    return max(_LEAST_WIDTH_PX, axis_s * _LEAST_PX_PER_S)


def _in_rows(
    facts: Iterable[_Fact], at_s: Callable[[_Fact], float], label_px: int, axis_s: float
) -> list[tuple[_Fact, int, float]]:
    """Give each fact a row in which its label does not cover its neighbour's, if there is one.

    Returns fact, row and the start of the next label in that row.
    """
    label_s = label_px * axis_s / _least_width_px(axis_s)
    ordered = sorted(facts, key=at_s)
    starts = [-label_s] * _MOST_ROWS
    rows = []
    for fact in ordered:
        free = (row for row in range(_MOST_ROWS) if at_s(fact) - starts[row] >= label_s)
        row = next(free, starts.index(min(starts)))
        starts[row] = at_s(fact)
        rows.append(row)
    ends = [axis_s] * _MOST_ROWS
    placed = []
    for fact, row in zip(reversed(ordered), reversed(rows), strict=True):
        placed.append((fact, row, ends[row]))
        ends[row] = at_s(fact)
    return placed[::-1]


def _summary(timeline: Timeline) -> dict[str, float | int | None]:
    """The figures above the picture; None where the call has nothing to measure."""
    answers_ms = [answer.voice_to_voice_ms for answer in timeline.answers]
    engine_ms = [answer.engine_ms for answer in timeline.answers if answer.engine_ms is not None]
    clears_ms = [barge_in.onset_to_clear_ms for barge_in in timeline.barge_ins]
    kinds = [barge_in.kind for barge_in in timeline.barge_ins]
    return {
        "answers": len(answers_ms),
        "median_ms": statistics.median(answers_ms) if answers_ms else None,
        "slowest_ms": max(answers_ms, default=None),
        "engine_ms": statistics.median(engine_ms) if engine_ms else None,
        "slowest_clear_ms": max(clears_ms, default=None),
        "interrupts": kinds.count("interrupt"),
        "resumes": kinds.count("resume"),
        "tools": len(timeline.tools),
        "failed_tools": sum(not tool.ok for tool in timeline.tools),
    }


def _ticks(duration_s: float) -> list[float]:
    """Round moments for the ruler; the script refines them when the reader zooms."""
    steps = (step for step in _TICK_STEPS_S if duration_s / step <= _MOST_TICKS)
    step = next(steps, duration_s / _MOST_TICKS)
    return [round(step * index, 3) for index in range(int(duration_s / step) + 1)]


def _clock(at_s: float, digits: int = 1) -> str:
    """A moment as minutes and seconds: 71.26 is "1:11.3"."""
    minutes, seconds = divmod(round(max(at_s, 0.0), digits), 60)
    width = 3 + digits if digits else 2
    return f"{int(minutes)}:{seconds:0{width}.{digits}f}"


def _milliseconds(value: float | None) -> str:
    """A gap as text: whole milliseconds, or one digit more below ten."""
    if value is None:
        return "–"
    return f"{value:,.0f} ms" if abs(value) >= 10 else f"{value:.1f} ms"


def _rating(voice_to_voice_ms: float) -> str:
    if voice_to_voice_ms <= GOOD_ANSWER_MS:
        return "good"
    return "fair" if voice_to_voice_ms <= FAIR_ANSWER_MS else "slow"


def _label(text: str) -> str:
    """A text short enough for the picture; the turn below has the whole."""
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"


def _content_hash(content: str) -> str:
    """The policy's word for an inline style or script with exactly this content.

    Source: W3C, Content Security Policy Level 3, section 2.3.1, hash-source.
    """
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clock": _clock,
        "ms": _milliseconds,
        "rating": _rating,
        "label": _label,
        "content_hash": _content_hash,
    }
    return environment


_TEMPLATES = _environment()
