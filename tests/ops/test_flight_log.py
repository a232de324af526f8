"""The flight log keeps every step and can be read back."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.ops.calls import HISTORY, INFO, STEPS, play_to
from voicecore.ops.flight_log import FlightLog


def test_it_keeps_the_call_its_steps_and_its_history() -> None:
    log = FlightLog()
    play_to(log)

    assert log.info == INFO
    assert [(step.event, step.commands) for step in log.steps] == list(STEPS)
    assert log.history == HISTORY
    assert (log.started_at, log.ended_at) == (100.0, 110.0)


def test_barge_ins_count_from_the_start_of_the_call() -> None:
    log = FlightLog()
    play_to(log)

    ((at_s, kind),) = log.barge_ins()
    assert (round(at_s, 3), kind) == (3.9, "resume")


def test_the_engine_s_share_is_that_of_the_next_answer() -> None:
    log = FlightLog()
    play_to(log)

    assert log.engine_ms_after(103.0) == 2.5
    assert log.engine_ms_after(103.6) is None


def test_every_line_of_the_file_is_one_event_with_its_commands(tmp_path: Path) -> None:
    log = FlightLog()
    play_to(log)
    log.write(tmp_path / "new" / "flight.jsonl")

    head, *lines = map(orjson.loads, (tmp_path / "new" / "flight.jsonl").read_bytes().splitlines())
    assert head["call"]["call_sid"] == INFO.call_sid
    assert [line["event"]["type"] for line in lines] == [type(event).__name__ for event, _ in STEPS]
    assert lines[0]["commands"] == [{"type": "Speak", "turn": 0, "segment": 0, "text": "Hello?"}]
