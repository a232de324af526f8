"""The live transcript: one line for each thing that a listener would want to know."""

from __future__ import annotations

import io

from rich.console import Console

from tests.ops.calls import play_to
from voicecore.ops.live_transcript import LiveTranscript
from voicecore.ops.observers import Observers


def lines_of(*, terminal: bool) -> str:
    out = io.StringIO()
    colours = "truecolor" if terminal else None
    console = Console(file=out, force_terminal=terminal, width=200, color_system=colours)
    play_to(Observers(LiveTranscript(console)))
    return out.getvalue()


def test_plain_lines_say_who_spoke_and_when() -> None:
    text = lines_of(terminal=False)

    assert "   0.00  agent   Hello?" in text
    assert "   3.00  caller  An oil change, please." in text
    assert "   3.20  tool    get_available_slots {}" in text
    assert '   3.30  tool    get_available_slots -> {"slots": []}' in text
    assert "   4.00  call    barge-in: resume" in text
    assert "turn 1: llm first text 300 ms, engine 2 ms" in text
    assert "\x1b[" not in text


def test_words_of_one_turn_are_printed_once_however_often_the_model_is_asked() -> None:
    assert lines_of(terminal=False).count("An oil change, please.") == 1


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[" in lines_of(terminal=True)
