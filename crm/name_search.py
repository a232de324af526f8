"""Finds people by a name as it was heard on the telephone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from crm.edit_distance import edit_distance
from crm.plate import plate_shape
from crm.sound import folded_name, sound_key
from crm.text import storable

FOUND_MAX = 20
# So many namesakes are looked at before the likeliest are kept.
_CANDIDATES_MAX = 200
_SUFFIX_MAX_DIGITS = 15

# Filters are optional: NULL lets everybody through.
_BY_SOUND = """
SELECT c.customer_id, c.first_name, c.last_name,
       c.first_name_sound IS NOT DISTINCT FROM $2 AS same_first
  FROM customers c
 WHERE c.last_name_sound = $1
   AND ($3::text IS NULL OR EXISTS (
        SELECT FROM vehicles v WHERE v.customer_id = c.customer_id
           AND translate(v.plate, 'OQIBSZ', '001852') = $3))
   AND ($4::text IS NULL OR starts_with(upper(replace(c.postcode, ' ', '')), $4))
   AND ($5::text IS NULL OR EXISTS (
        SELECT FROM customer_phones p WHERE p.customer_id = c.customer_id
           AND right(p.phone_e164, length($5)) = $5))
 ORDER BY same_first DESC, lower(c.last_name) = lower($6) DESC, c.customer_id
 LIMIT $7
"""
_UNHEARD = """
SELECT customer_id, first_name, last_name FROM customers
 WHERE customer_id > $1 AND (first_name_sound IS NULL OR last_name_sound IS NULL)
 ORDER BY customer_id LIMIT $2
"""
# Whoever was renamed meanwhile is left to the one who did it.
_HEAR = """
UPDATE customers c SET first_name_sound = heard.first_sound, last_name_sound = heard.last_sound
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
       AS heard (customer_id, first_name, last_name, first_sound, last_sound)
 WHERE c.customer_id = heard.customer_id
   AND (c.first_name, c.last_name) = (heard.first_name, heard.last_name)
"""
_HEARD_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMatch:
    """A customer whose name sounds as asked; `slips` is the edit distance of the spellings."""

    customer_id: int
    first_name: str
    last_name: str
    slips: int


async def customers_by_name(
    connection: asyncpg.Connection,
    last_name: str,
    *,
    first_name: str | None = None,
    plate: str | None = None,
    postcode: str | None = None,
    phone_suffix: str | None = None,
) -> Sequence[NameMatch]:
    """Return who is called something that sounds alike, the closest spelling first; at most 20.

    Where a first name is given and somebody's sounds like it, only those are returned; else all
    who share the last name, because a first name may be a nickname. The filters narrow: a plate
    with confusable letters, the beginning of a postcode, the last digits of any number.
    """
    last_key = sound_key(last_name)
    if not last_key:
        return ()
    first_key = sound_key(first_name or "")
    suffix = "".join(char for char in phone_suffix or "" if char in "0123456789")
    rows = await connection.fetch(
        _BY_SOUND,
        last_key,
        first_key,
        None if plate is None else plate_shape(plate),
        storable("".join((postcode or "").upper().split())) or None,
        suffix[-_SUFFIX_MAX_DIGITS:] or None,
        storable(last_name),
        _CANDIDATES_MAX,
    )
    if first_key:
        rows = [row for row in rows if row["same_first"]] or rows
    last_slips = _Slips(last_name)
    first_slips = _Slips(first_name) if first_name else None
    matches = [
        NameMatch(
            customer_id=row["customer_id"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            slips=last_slips[row["last_name"]]
            + (first_slips[row["first_name"]] if first_slips is not None else 0),
        )
        for row in rows
    ]
    matches.sort(key=lambda match: (match.slips, match.customer_id))
    return tuple(matches[:FOUND_MAX])


async def hear_names(connection: asyncpg.Connection) -> int:
    """Give a sound to every name that has none, as after an import; return how many it looked at.

    Safe to repeat and to run beside others.
    """
    heard, last_id = 0, 0
    while rows := await connection.fetch(_UNHEARD, last_id, _HEARD_AT_ONCE):
        await connection.execute(
            _HEAR,
            [row["customer_id"] for row in rows],
            [row["first_name"] for row in rows],
            [row["last_name"] for row in rows],
            [sound_key(row["first_name"]) for row in rows],
            [sound_key(row["last_name"]) for row in rows],
        )
        heard, last_id = heard + len(rows), rows[-1]["customer_id"]
    return heard


class _Slips(dict[str, int]):
    """The slips from each name to the one that was heard; namesakes are compared once."""

    def __init__(self, heard: str) -> None:
        super().__init__()
        self._heard = folded_name(heard)

    def __missing__(self, name: str) -> int:
        self[name] = slips = edit_distance(self._heard, folded_name(name))
        return slips
