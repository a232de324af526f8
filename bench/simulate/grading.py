"""Compares the rows at the end of a call with those that its scenario wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from bench.simulate.people import PEOPLE, phone_of
from bench.simulate.script import Row, Script
from bench.simulate.shop_rows import EndRows, wanted_appointments
from bench.simulate.yaml_subset import Value

Wanted = tuple[int | None, int | None, str | None, datetime | None, str]


def problems(
    script: Script,
    rows: EndRows,
    *,
    now: datetime,
    texts: Sequence[tuple[str, str]],
    heard: Sequence[str],
    tools: Sequence[str],
    whispers: Sequence[str] = (),
) -> list[str]:
    """Return what is not as the scenario wants it; empty: all is well.

    `heard` are the pieces of the agent's speech that reached the ear, in order;
    `whispers` is what persons were told to whom the caller was put through.
    """
    end = script.end
    found = _appointments(end, rows, now) + _texts(end, texts) + _customers(end, rows)
    outcome = end.get("outcome")
    if outcome is not None and outcome != rows.outcome:
        found.append(f"the call's outcome is {rows.outcome}, not {outcome}")
    events = {str(name): count for name, count in _rows_of(end, "events").items()}
    if "events" in end and events != dict(rows.events):
        found.append(f"the steps are {dict(rows.events)}, not {events}")
    if not rows.stats.get("prompt_version"):
        found.append("the call's row names no prompt version")
    return found + _speech(end, heard) + _whispered(end, whispers) + _tools(end, tools)


def _appointments(end: Mapping[str, Value], rows: EndRows, now: datetime) -> list[str]:
    wanted = wanted_appointments(_list_of(end, "appointments"), now)
    left = list(rows.appointments)
    missing = []
    # The most exact wish takes its row first.
    for wish in sorted(wanted, key=lambda row: row.count(None)):
        match = next((row for row in left if _fits(wish, row)), None)
        if match is None:
            missing.append(wish)
        else:
            left.remove(match)
    found = [f"no such appointment: {_shown(wish)}" for wish in missing]
    return found + [f"an appointment too many: {_shown(row)}" for row in left]


def _fits(wish: Wanted, row: tuple[int, int | None, str, datetime, str]) -> bool:
    return all(want is None or want == have for want, have in zip(wish, row, strict=True))


def _shown(row: Sequence[object]) -> str:
    shown = (value.isoformat() if isinstance(value, datetime) else value for value in row)
    return ", ".join(str(value) for value in shown)


def _texts(end: Mapping[str, Value], texts: Sequence[tuple[str, str]]) -> list[str]:
    if "texts" not in end:
        return []
    value = end["texts"]
    names = value if isinstance(value, list) else []
    wanted = sorted(phone_of(str(name)) for name in names)
    sent = sorted(to for to, _ in texts)
    return [] if sent == wanted else [f"texts went to {sent}, not to {wanted}"]


def _customers(end: Mapping[str, Value], rows: EndRows) -> list[str]:
    found = []
    for name, contact in _rows_of(end, "contact").items():
        _, email, phones = rows.customers[PEOPLE[name]]
        wish = contact if isinstance(contact, dict) else {}
        if "email" in wish and wish["email"] != email:
            found.append(f"the e-mail of {name} is {email}, not {wish['email']}")
        if "phone" in wish and wish["phone"] != phones[0]:
            found.append(f"the number of {name} is {phones[0]}, not {wish['phone']}")
    added = {name: phones for key, (name, _, phones) in rows.customers.items() if key > 1000}
    wanted = {str(row["name"]): (str(row["phone"]),) for row in _list_of(end, "new_customers")}
    if added != wanted:
        found.append(f"new customers are {added}, not {wanted}")
    return found


def _speech(end: Mapping[str, Value], heard: Sequence[str]) -> list[str]:
    said = " ".join(heard)
    wanted = [str(pattern) for pattern in _values_of(end, "heard")]
    forbidden = [str(pattern) for pattern in _values_of(end, "never_heard")]
    found = [f"never heard: {text}" for text in wanted if not _is_in(text, said)]
    return found + [f"was heard: {text}" for text in forbidden if _is_in(text, said)]


def _whispered(end: Mapping[str, Value], whispers: Sequence[str]) -> list[str]:
    said = " ".join(whispers)
    wanted = [str(pattern) for pattern in _values_of(end, "whispered")]
    return [f"never whispered: {text}" for text in wanted if not _is_in(text, said)]


def _tools(end: Mapping[str, Value], tools: Sequence[str]) -> list[str]:
    wanted = {str(name) for name in _values_of(end, "tools")} - set(tools)
    forbidden = {str(name) for name in _values_of(end, "never_tools")} & set(tools)
    found = [f"the tool {name} was not used" for name in sorted(wanted)]
    return found + [f"the tool {name} was used" for name in sorted(forbidden)]


def _is_in(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _list_of(end: Mapping[str, Value], key: str) -> list[Row]:
    value = end.get(key)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _values_of(end: Mapping[str, Value], key: str) -> list[Value]:
    value = end.get(key)
    return value if isinstance(value, list) else []


def _rows_of(end: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    value = end.get(key)
    return value if isinstance(value, dict) else {}
