"""A short call, as an observer sees it."""

from __future__ import annotations

from datetime import UTC, datetime

from voicecore.call.commands import AskLlm, Command, Note, RunTool, Speak
from voicecore.call.events import (
    CallStarted,
    Event,
    FinalWords,
    PlayoutStarted,
    SentenceReady,
    ToolFinished,
    ToolRequested,
)
from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem
from voicecore.call_info import CallInfo
from voicecore.observer import CallObserver

INFO = CallInfo(
    call_sid="CA" + "0" * 32,
    account_sid="AC" + "0" * 32,
    from_e164="+13125550142",
    to_e164="+13125550100",
    started_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
)
HISTORY: tuple[HistoryItem, ...] = (
    CallerSaid(1, "An oil change, please."),
    AgentSaid(1, "Gladly.", complete=True),
)
STEPS: tuple[tuple[Event, tuple[Command, ...]], ...] = (
    (CallStarted(100.0), (Speak(0, 0, "Hello?"),)),
    (
        FinalWords(103.0, "An oil change, please.", 1.0, speech_final=True),
        (AskLlm(1, (CallerSaid(1, "An oil change, please."),)),),
    ),
    (
        ToolRequested(103.2, 1, "call_1", "get_available_slots", "{}", writes=False),
        (RunTool(1, "call_1", "get_available_slots", "{}", ()),),
    ),
    (
        ToolFinished(103.3, "call_1", '{"slots": []}', ok=True),
        (AskLlm(1, (CallerSaid(1, "An oil change, please."),)),),
    ),
    (SentenceReady(103.5, 1, "Gladly."), (Speak(1, 0, "Gladly."),)),
    (PlayoutStarted(103.6, 1), ()),
    (
        FinalWords(104.0, "uh-huh", 4.0, speech_final=True),
        (Note("barge_in", {"kind": "resume", "paused_at": 103.9}),),
    ),
)


def play_to(observer: CallObserver) -> None:
    """Let `observer` see the whole call."""
    observer.started(INFO, 100.0)
    for event, commands in STEPS:
        observer.stepped(event, commands)
    observer.turn_timed(103.6, {"turn": 1, "llm_first_text_ms": 300.0, "engine_ms": 2.5})
    observer.caller_audio(103.0, b"\xff")
    observer.agent_audio(103.6, b"\xff")
    observer.ended(110.0, HISTORY)
