"""The caller's own cars; the forms are in `spoken_forms.py`."""

from __future__ import annotations

from tests.dialog.test_spoken_forms import CARS
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.vehicle_match import match_vehicle


def test_those_that_fit_are_offered() -> None:
    problem = match_vehicle("the Toyota", CARS)
    assert isinstance(problem, SlotProblem)
    assert problem.ask == "Which car is it for: 2019 Toyota Camry or 2020 Toyota RAV4?"


def test_the_only_car_is_my_car_but_no_other_car() -> None:
    assert match_vehicle("my car", CARS[:1]) is CARS[0]
    assert isinstance(match_vehicle("my truck", CARS[:1]), SlotProblem)
    assert isinstance(match_vehicle("the Honda", CARS[:1]), SlotProblem)


def test_without_a_car_on_file_that_is_said() -> None:
    problem = match_vehicle("the Camry", ())
    assert isinstance(problem, SlotProblem)
    assert problem.error == "no_vehicle_on_file"
