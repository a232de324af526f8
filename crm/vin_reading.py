"""Reads a VIN from the words that spell it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm.problem import Problem
from crm.spoken_code import spoken_code
from crm.vin_repair import VinQuestion, VinReading, repair_vin

_ASK = "Could you read me the VIN, one character at a time? It has seventeen."


def read_vin(
    text: str,
    *,
    latest_year: int,
    settled: Mapping[int, str] | None = None,
    on_file: Collection[str] = (),
) -> VinReading | VinQuestion | Problem:
    """Read a VIN as said or as written, and mend it; the arguments are those of `repair_vin`."""
    code = spoken_code(text)
    if not code:
        return Problem("vin", "vin_unreadable", _ASK)
    return repair_vin(code, latest_year=latest_year, settled=settled, on_file=on_file)
