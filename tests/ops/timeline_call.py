"""A short call with one of everything, as the timeline takes it."""

from __future__ import annotations

from voicecore.ops.timeline import (
    AnswerGap,
    BargeInSpan,
    MarkPoint,
    SpeechSpan,
    Timeline,
    ToolSpan,
)


def speech(
    who: str, start_s: float, end_s: float, text: str, *, complete: bool = True, note: str = ""
) -> SpeechSpan:
    return SpeechSpan(
        who=who, start_s=start_s, end_s=end_s, text=text, complete=complete, note=note
    )


def answer(turn: int, from_s: float, to_s: float, **parts: float) -> AnswerGap:
    return AnswerGap(
        turn=turn,
        from_s=from_s,
        to_s=to_s,
        voice_to_voice_ms=round((to_s - from_s) * 1000, 3),
        engine_ms=4.0,
        parts=parts,
    )


def tool(start_s: float, name: str, *, ok: bool = True) -> ToolSpan:
    return ToolSpan(
        start_s=start_s,
        end_s=start_s + 0.1,
        name=name,
        arguments='{"phone": "5550142"}',
        result='{"found": true}',
        ok=ok,
    )


def sample_call() -> Timeline:
    """Greeting; a question with a tool; an answer cut off; one with a backchannel; a last word."""
    return Timeline(
        title="Call CA12… from +1•••0142, 20 s",
        said=b"\xff" * 160_000,
        heard=b"\xff" * 160_000,
        speeches=(
            speech("agent", 0.0, 2.0, "Hello, how can I help?"),
            speech("caller", 2.5, 4.0, "What is free?"),
            speech("agent", 4.7, 7.2, "Two p.m., or Friday at", complete=False),
            speech("caller", 7.1, 8.0, "Wait, mornings?", note="interrupt"),
            speech("agent", 9.2, 14.0, "Ten forty-five on Thursday."),
            speech("caller", 11.0, 11.4, "Uh-huh.", note="backchannel"),
            speech("caller", 15.0, 15.5, "Thank you, bye."),
        ),
        answers=(
            answer(1, 4.0, 4.7, commit_to_ask_ms=2.0, llm_first_text_ms=300.0),
            answer(2, 8.0, 9.2, llm_first_text_ms=500.0, searching_the_bays_ms=200.0),
        ),
        barge_ins=(
            BargeInSpan(onset_s=7.1, clear_s=7.18, onset_to_clear_ms=80.0, kind="interrupt"),
            BargeInSpan(
                onset_s=11.0, clear_s=11.09, onset_to_clear_ms=90.0, kind="resume", resumed_s=11.6
            ),
        ),
        marks=(
            MarkPoint(at_s=1.0, name="0:0.1"),
            MarkPoint(at_s=2.0, name="0:0"),
            MarkPoint(at_s=7.2, name="1:0", cleared=True),
            MarkPoint(at_s=14.0, name="2:0"),
        ),
        tools=(tool(4.2, "get_available_slots"), tool(8.1, "lookup_customer", ok=False)),
    )
