"""What the shop does; the forms are in `spoken_forms.py`."""

from __future__ import annotations

from tests.dialog.shop_world import JOBS
from voicecore.dialog.service_match import find_service
from voicecore.dialog.slot_problem import SlotProblem


def test_a_code_or_a_name_is_taken_as_it_is() -> None:
    assert find_service("oil_change", JOBS) is JOBS[0]
    assert find_service("Tire rotation", JOBS) is JOBS[2]


def test_those_that_come_near_are_offered() -> None:
    problem = find_service("change brake oil", JOBS)
    assert isinstance(problem, SlotProblem)
    assert problem.ask == "Which service do you need: oil change or brake inspection?"


def test_a_refusal_is_no_wish() -> None:
    problem = find_service("no oil change", JOBS)
    assert isinstance(problem, SlotProblem)
    assert "tire rotation" in problem.ask
