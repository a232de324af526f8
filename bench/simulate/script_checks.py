"""Checks the rows of a scenario file before it is played: names, times, codes and patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from bench.simulate.people import CARS, PEOPLE
from bench.simulate.script_error import ScriptError
from bench.simulate.shop_time import VIRTUAL_NOW, moment
from bench.simulate.yaml_subset import Value
from crm.seed import SERVICES
from voicecore.call.events import HangupCause
from voicecore.dialog.tools.catalogue import TOOLS

Row = Mapping[str, Value]

EVENTS = ("estimate_approved", "estimate_declined", "visit_confirmed")
_SERVICE_CODES = tuple(service.code for service in SERVICES)
_NUMBER = re.compile(r"\+1[0-9]{10}")
_ROW_KEYS: Mapping[str, tuple[str, ...]] = {
    "appointments": ("who", "car", "service", "at", "status", "bay", "estimate"),
    "cars": ("who", "make", "model", "year"),
    "people": ("first", "last", "phone"),
    "notes": ("who", "text"),
    "new_customers": ("name", "phone"),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "before appointments": ("who", "service", "at"),
    "before cars": ("who", "make", "model"),
    "before people": ("last", "phone"),
    "before notes": ("who", "text"),
    "end new_customers": ("name", "phone"),
}


def check_rows(before: Mapping[str, Sequence[Row]], end: Row) -> None:
    """Refuse what names nobody, nothing or no time.

    Raises:
        ScriptError: says what, and on which line.
    """
    for table, rows in before.items():
        _check_table("before", table, rows)
    for table in ("appointments", "new_customers"):
        _check_table("end", table, _rows(end, table))
    _check_names(end)
    for key in ("heard", "never_heard"):
        for pattern in _values(end, key):
            check_pattern(str(pattern), key, end, key)


def check_pattern(pattern: str, what: str, at: object, key: str) -> None:
    """Refuse what is no regular expression.

    Raises:
        ScriptError: it is none.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise ScriptError(f"{what} is no pattern: {error}", at, key) from error


def _check_table(where: str, table: str, rows: Sequence[Row]) -> None:
    for row in rows:
        for key in row:
            if key not in _ROW_KEYS[table]:
                known = ", ".join(_ROW_KEYS[table])
                raise ScriptError(f"{table} have no {key}; they have {known}", row, key)
        for key, check in _CHECKS.items():
            if row.get(key) is not None:
                check(str(row[key]), row, key)
        for key in _NEEDED.get(f"{where} {table}", ()):
            if key not in row:
                raise ScriptError(f"a row of {table} needs {key}", row)


def _check_names(end: Row) -> None:
    outcome = end.get("outcome")
    if outcome is not None:
        _one_of(str(outcome), [cause.value for cause in HangupCause], end, "outcome")
    for key in ("tools", "never_tools"):
        for name in _values(end, key):
            _one_of(str(name), list(TOOLS), end, key)
    for name in _values(end, "texts"):
        if not _NUMBER.fullmatch(str(name)):
            _one_of(str(name), list(PEOPLE), end, "texts")
    for key, names in (("contact", list(PEOPLE)), ("events", list(EVENTS))):
        value = end.get(key) or {}
        if not isinstance(value, dict):
            raise ScriptError(f"{key} must be a mapping", end, key)
        for name in value:
            _one_of(name, names, end, key)


def _one_of(name: str, names: Sequence[str], at: object, key: str) -> None:
    if name not in names:
        raise ScriptError(f"{name} is none of {', '.join(names)}", at, key)


def _is_person(name: str, row: Row, key: str) -> None:
    if name not in PEOPLE:
        raise ScriptError(f"{name} is nobody; there are {', '.join(PEOPLE)}", row, key)


def _is_car(name: str, row: Row, key: str) -> None:
    if name not in CARS:
        raise ScriptError(f"{name} is no car; there are {', '.join(CARS)}", row, key)


def _is_moment(text: str, row: Row, key: str) -> None:
    try:
        moment(text, VIRTUAL_NOW)
    except ScriptError as error:
        raise ScriptError(str(error), row, key) from error


def _is_service(code: str, row: Row, key: str) -> None:
    _one_of(code, _SERVICE_CODES, row, key)


def _is_estimate(text: str, row: Row, key: str) -> None:
    value = row[key]
    if not isinstance(value, dict) or set(value) != {"work", "cents"}:
        raise ScriptError("an estimate is {work: ..., cents: ...}", row, key)


_CHECKS: Mapping[str, Callable[[str, Row, str], None]] = {
    "who": _is_person,
    "car": _is_car,
    "at": _is_moment,
    "service": _is_service,
    "estimate": _is_estimate,
}


def _rows(end: Row, key: str) -> list[Row]:
    rows = _values(end, key)
    for row in rows:
        if not isinstance(row, dict):
            raise ScriptError(f"{row!r} in {key} must be a mapping", end, key)
    return [row for row in rows if isinstance(row, dict)]


def _values(end: Row, key: str) -> list[Value]:
    value = end.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ScriptError(f"{key} must be a list", end, key)
    return value
