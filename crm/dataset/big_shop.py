"""The big shop: more bays and people beside those of `crm.seed`, with their shifts and breaks."""

from __future__ import annotations

from datetime import time

from crm.dataset.rows import BayRow, BreakRow, ShiftRow, SkillRow, TechnicianRow
from crm.seed import BAYS, HOURS, SERVICES, SHIFTS, SKILLS, TECHNICIANS

QUARTER_MINUTES = 15

MORE_BAYS = tuple(
    BayRow(number, f"Bay {number}", bay_type)
    for number, bay_type in enumerate(
        ("quick", "quick", "lift", "lift", "lift", "lift", "inspection"), start=len(BAYS) + 1
    )
)
_MORE_PEOPLE = (
    ("Marcus Bell", ("maintenance", "brakes")),
    ("Yuki Tanaka", ("maintenance", "diagnostics")),
    ("Agnieszka Wójcik", ("brakes", "chassis")),
    ("Omar Haddad", ("maintenance", "inspection")),
    ("Teresa Quinn", ("maintenance", "brakes", "diagnostics")),
    ("Samuel Osei", ("maintenance", "chassis")),
    ("Ingrid Solberg", ("inspection", "diagnostics")),
)
MORE_TECHNICIANS = tuple(
    TechnicianRow(number, name)
    for number, (name, _) in enumerate(_MORE_PEOPLE, start=len(TECHNICIANS) + 1)
)
MORE_SKILLS = tuple(
    SkillRow(row.technician_id, skill)
    for row, (_, skills) in zip(MORE_TECHNICIANS, _MORE_PEOPLE, strict=True)
    for skill in skills
)
_EARLY, _LATE = (time(8), time(16, 30)), (time(9, 30), time(18))
_SATURDAY, _SATURDAY_SHIFT = 6, (time(8), time(13))
MORE_SHIFTS = tuple(
    ShiftRow(row.technician_id, weekday, *(_LATE if row.technician_id % 2 else _EARLY))
    for row in MORE_TECHNICIANS
    for weekday in range(1, _SATURDAY)
) + tuple(
    ShiftRow(row.technician_id, _SATURDAY, *_SATURDAY_SHIFT)
    for row in MORE_TECHNICIANS
    if row.technician_id % 2
)
_BREAKS = (
    (time(11, 30), time(12)),
    (time(12), time(12, 30)),
    (time(12, 30), time(13)),
    (time(13), time(13, 30)),
)
BREAKS = tuple(
    BreakRow(person, weekday, *_BREAKS[person % len(_BREAKS)])
    for person in range(1, len(TECHNICIANS) + len(MORE_TECHNICIANS) + 1)
    for weekday in range(1, _SATURDAY)
)

HOURS_OF = {weekday: (opens, closes) for weekday, opens, closes in HOURS}


def quarter_of(wall: time) -> int:
    """Return the number of whole quarters from opening to a wall time; every day opens alike."""
    opens = min(opens for opens, _ in HOURS_OF.values())
    minutes = (wall.hour - opens.hour) * 60 + wall.minute - opens.minute
    return minutes // QUARTER_MINUTES


def _off_duty(weekday: int) -> dict[int, int]:
    """Return per technician the quarters of the weekday that are no shift or a break."""
    busy = {row.technician_id: -1 for row in ALL_TECHNICIANS}
    for shift in (*(ShiftRow(*row) for row in SHIFTS), *MORE_SHIFTS):
        if shift.weekday == weekday:
            span = quarter_of(shift.ends) - quarter_of(shift.starts)
            busy[shift.technician_id] &= ~(((1 << span) - 1) << quarter_of(shift.starts))
    for pause in BREAKS:
        if pause.weekday == weekday:
            span = quarter_of(pause.ends) - quarter_of(pause.starts)
            busy[pause.technician_id] |= ((1 << span) - 1) << quarter_of(pause.starts)
    return busy


ALL_TECHNICIANS = (*(TechnicianRow(*row) for row in TECHNICIANS), *MORE_TECHNICIANS)
ALL_BAYS = (*(BayRow(*row) for row in BAYS), *MORE_BAYS)
BAY_TYPES = {row.bay_id: row.bay_type for row in ALL_BAYS}
BAYS_OF = {
    kind: tuple(row.bay_id for row in ALL_BAYS if row.bay_type == kind)
    for kind in set(BAY_TYPES.values())
}
ALL_SKILLS = (*(SkillRow(*row) for row in SKILLS), *MORE_SKILLS)
PEOPLE_OF = {
    skill: tuple(row.technician_id for row in ALL_SKILLS if row.skill == skill)
    for skill in {row.skill for row in ALL_SKILLS}
}
SERVICE = {row.code: row for row in SERVICES}
OFF_DUTY = {weekday: _off_duty(weekday) for weekday in HOURS_OF}
