"""Every event finds the turn in which a reader looks for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ops.timeline_call import answer, sample_call, speech
from voicecore.ops.timeline_spans import BargeInSpan, SpeechSpan, Timeline, ToolSpan
from voicecore.ops.timeline_turns import Turn, group_turns

EMPTY = Timeline(title="", said=b"", heard=b"")


def told(turn: Turn) -> list[str]:
    words = []
    for line in turn.lines:
        match line.fact:
            case SpeechSpan(text=text):
                words.append(text)
            case BargeInSpan(kind=kind):
                words.append(kind)
            case ToolSpan(name=name):
                words.append(name)
    return words


def test_a_call_reads_as_its_turns() -> None:
    turns = {turn.name: told(turn) for turn in group_turns(sample_call())}

    assert turns == {
        "Greeting": ["Hello, how can I help?"],
        "Turn 1": ["What is free?", "get_available_slots", "Two p.m., or Friday at", "interrupt"],
        "Turn 2": [
            "Wait, mornings?",
            "lookup_customer",
            "Ten forty-five on Thursday.",
            "Uh-huh.",
            "resume",
        ],
        "After the last answer": ["Thank you, bye."],
    }


def test_marks_count_for_the_reply_that_they_closed() -> None:
    counts = [(turn.played, turn.cleared) for turn in group_turns(sample_call())]

    assert counts == [(2, 0), (0, 1), (1, 0), (0, 0)]


def test_a_turn_spans_from_the_question_to_the_end_of_the_reply() -> None:
    second = group_turns(sample_call())[2]

    assert (second.start_s, second.end_s) == (7.1, 14.0)


def test_the_parts_end_with_the_first_sample_and_the_rest_comes_first() -> None:
    rest, endpoint, model = group_turns(sample_call())[1].parts

    assert (rest.owner, endpoint.owner, model.owner) == ("rest", "engine", "outside")
    assert rest.took_ms == pytest.approx(398.0)
    assert rest.left_percent == 0
    assert endpoint.left_percent == pytest.approx(rest.width_percent)
    assert model.left_percent + model.width_percent == pytest.approx(100)


def test_a_part_without_a_known_name_is_shown_by_its_own() -> None:
    assert group_turns(sample_call())[2].parts[-1].name == "Searching the bays"


def test_totals_among_the_parts_are_not_counted_twice() -> None:
    gap = answer(1, 1.0, 2.0, llm_first_text_ms=600.0, engine_ms=9.0, voice_to_voice_ms=1000.0)
    (turn,) = group_turns(replace(EMPTY, answers=(gap,)))

    assert [part.took_ms for part in turn.parts] == [400.0, 600.0]


def test_parts_longer_than_the_whole_still_fit_the_bar() -> None:
    gap = answer(1, 1.0, 1.5, llm_first_text_ms=900.0, speech_first_byte_ms=100.0)
    (turn,) = group_turns(replace(EMPTY, answers=(gap,)))

    assert turn.parts[-1].left_percent + turn.parts[-1].width_percent == pytest.approx(100)


def test_an_answer_without_parts_has_no_bars() -> None:
    (turn,) = group_turns(replace(EMPTY, answers=(answer(3, 1.0, 2.0),)))

    assert (turn.name, turn.parts) == ("Turn 3", ())


def test_a_greeting_with_a_measured_gap_is_the_greeting() -> None:
    call = replace(
        EMPTY, answers=(answer(0, 0.0, 0.3),), speeches=(speech("agent", 0.2, 2.0, "Hello"),)
    )

    assert [(turn.name, told(turn)) for turn in group_turns(call)] == [("Greeting", ["Hello"])]


def test_an_empty_call_has_no_turns() -> None:
    assert group_turns(EMPTY) == []
