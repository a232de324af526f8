from __future__ import annotations

import pytest

from crm.demo_people import CARS
from crm.vin import is_vin_shaped
from crm.wmi import _IDENTIFIERS, is_known_maker


def test_identifiers_are_three_characters_of_a_vin_and_stand_once() -> None:
    codes = [code for line in _IDENTIFIERS.values() for code in line.split()]
    assert len(set(codes)) == len(codes)
    assert all(is_vin_shaped(code + "0" * 14) for code in codes)


def test_the_demonstrations_cars_have_known_makers() -> None:
    assert all(is_known_maker(car.vin) for car in CARS)


@pytest.mark.parametrize("vin", ["", "4T", "QQQ11111111111111", "AAA11111111111111"])
def test_others_are_not_known(vin: str) -> None:
    assert not is_known_maker(vin)
