"""Mends a VIN that was heard on the telephone, or says which of its letters to ask about.

Theory of operation: a misheard letter is one of those that sound alike or look alike. Every
exchange within such a class is tried, first of one character and then of two, and those remain
that give a possible VIN: its check digit holds, its model year has been, its serial number is one.
Where makers are known among them, the others go.

Some letters sound alike and count alike, so that the check digit holds with either of them: C/T/3,
E/V, G/P, A/J and H/8. A VIN that has one of these is never settled by arithmetic. It comes back
with `ask`, and is settled when the caller has confirmed the places named in `confirm`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

from crm.problem import Problem
from crm.spelling import choice, place, spelled
from crm.vin import (
    VIN_LENGTH,
    is_north_american,
    is_valid_vin,
    is_vin_shaped,
    model_years,
    vin_characters,
)
from crm.wmi import is_known_maker

CANDIDATES_MAX = 6
_READ_BACK_MAX = 6
_SLIPS_MAX = 2
_SERIAL = slice(13, VIN_LENGTH)
_CLASSES = ("BDEPTVCZG3", "A8HKJ", "MN", "FSX", "5S", "2Z", "59", "1Y", "2U")
_SAID_ALIKE = {
    char: tuple(sorted({other for group in _CLASSES if char in group for other in group} - {char}))
    for char in "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
}

_ASK_LENGTH = (
    "I have {count} characters, and a VIN has seventeen. Could you read it again in groups, the"
    " first three, then five, then one, then eight?"
)
_ASK_AGAIN = (
    "I don't think I got that VIN right. Could you read me just the last eight characters, with"
    " a word for each letter?"
)
_ASK_ONE = "Is the {place} character {choice}?"
_ASK_SOME = "Let me check a few characters: {parts}. Is that right?"
_ASK_ALL = "Let me read that back: {parts}. Is that right?"
_ASK_PART = "the {place} is {char}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VinReading:
    """The one VIN that fits; it may be used when `ask` is None.

    Places count from 1. `repaired` are those that differ from what was heard, `confirm` those that
    `ask` reads back to the caller. `warnings`: "check_digit" fails on a VIN from outside North
    America, where it need not hold; "maker" is not listed.
    """

    vin: str
    repaired: tuple[int, ...] = ()
    confirm: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    ask: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VinQuestion:
    """The one place, from 1, that tells the VINs apart that fit, and what it can hold."""

    place: int
    chars: tuple[str, ...]
    ask: str


def said_alike(char: str) -> tuple[str, ...]:
    """Return the characters that one of a VIN is misheard or misread for."""
    return _SAID_ALIKE[char]


def repair_vin(
    heard: str,
    *,
    latest_year: int,
    settled: Mapping[int, str] | None = None,
    on_file: Collection[str] = (),
) -> VinReading | VinQuestion | Problem:
    """Find the VIN that was meant.

    Args:
        heard: the characters, blanks and case do not count; I is read as 1, O and Q as 0.
        latest_year: the newest model year that can be on the road, this year and one.
        settled: places, from 1, that the caller has confirmed, with what they hold.
        on_file: VINs of the caller's cars; the only one that sounds alike is taken.
    """
    code = vin_characters(heard)
    if len(code) != VIN_LENGTH:
        ask = _ASK_LENGTH.format(count=len(code))
        return Problem("vin", "vin_length", ask)
    fixed = {at - 1: vin_characters(char) for at, char in (settled or {}).items()}
    code = "".join(fixed.get(at, char) for at, char in enumerate(code))
    if not is_vin_shaped(code):
        return Problem("vin", "vin_unclear", _ASK_AGAIN)
    open_places = tuple(at for at in range(VIN_LENGTH) if at not in fixed)
    filed = [vin for vin in on_file if _sounds_alike(code, vin, open_places)]
    if len(filed) == 1:
        changed = _differences(code, filed[0])
        return _reading(filed[0], repaired=changed, unproven=set(changed))
    return _search(code, open_places, latest_year)


def _search(
    code: str, open_places: tuple[int, ...], latest_year: int
) -> VinReading | VinQuestion | Problem:
    if _is_possible(code, latest_year):
        return _proven(code, code, open_places, latest_year)
    foreign = not is_north_american(code)
    if foreign and is_known_maker(code):
        return _reading(code, unproven=set(open_places), warnings=("check_digit",))
    for slips in range(1, _SLIPS_MAX + 1):
        found = _known_makers(
            vin for vin in _exchanged(code, open_places, slips) if _is_possible(vin, latest_year)
        )
        if len(found) == 1:
            return _proven(code, found[0], open_places, latest_year)
        if found:
            too_many = len(found) > CANDIDATES_MAX
            return Problem("vin", "vin_unclear", _ASK_AGAIN) if too_many else _question(code, found)
    if foreign:
        return _reading(code, unproven=set(open_places), warnings=("check_digit", "maker"))
    return Problem("vin", "vin_unclear", _ASK_AGAIN)


def _proven(code: str, vin: str, open_places: tuple[int, ...], latest_year: int) -> VinReading:
    """Return a VIN that is possible, with the places at which another letter is possible too."""
    others = [
        other for other in _exchanged(vin, open_places, 1) if _is_possible(other, latest_year)
    ]
    if is_known_maker(vin):
        others = [other for other in others if is_known_maker(other)]
    changed = _differences(code, vin)
    unproven = {at for other in others for at in _differences(vin, other)} | set(changed)
    warnings = () if is_known_maker(vin) else ("maker",)
    return _reading(vin, repaired=changed, unproven=unproven, warnings=warnings)


def _reading(
    vin: str,
    *,
    repaired: tuple[int, ...] = (),
    unproven: set[int],
    warnings: tuple[str, ...] = (),
) -> VinReading:
    places = tuple(sorted(unproven))
    return VinReading(
        vin=vin,
        repaired=tuple(at + 1 for at in repaired),
        confirm=tuple(at + 1 for at in places),
        warnings=warnings,
        ask=_read_back(vin, places) if places else None,
    )


def _read_back(vin: str, places: tuple[int, ...]) -> str:
    if len(places) > _READ_BACK_MAX:
        return _ASK_ALL.format(parts=", ".join(spelled(char) for char in vin))
    parts = [_ASK_PART.format(place=place(at + 1), char=spelled(vin[at])) for at in places]
    return _ASK_SOME.format(parts=", ".join(parts))


def _question(code: str, found: list[str]) -> VinQuestion:
    """Ask about the place whose answer leaves the fewest VINs at worst."""

    def left_at_worst(at: int) -> int:
        return max(Counter(vin[at] for vin in found).values())

    at = min(range(VIN_LENGTH), key=left_at_worst)
    counts = Counter(vin[at] for vin in found)
    chars = tuple(sorted(counts, key=lambda char: (char != code[at], char)))
    ask = _ASK_ONE.format(place=place(at + 1), choice=choice(chars))
    return VinQuestion(place=at + 1, chars=chars, ask=ask)


def _exchanged(code: str, open_places: tuple[int, ...], slips: int) -> Iterator[str]:
    """Yield the VIN with exactly `slips` of its characters exchanged for ones said alike."""
    for places in combinations(open_places, slips):
        for chars in product(*(_SAID_ALIKE[code[at]] for at in places)):
            changed = list(code)
            for at, char in zip(places, chars, strict=True):
                changed[at] = char
            yield "".join(changed)


def _is_possible(vin: str, latest_year: int) -> bool:
    if not is_valid_vin(vin):
        return False
    if not is_north_american(vin):
        return True
    return vin[_SERIAL].isdigit() and bool(model_years(vin, latest=latest_year))


def _known_makers(vins: Iterator[str]) -> list[str]:
    found = list(vins)
    return [vin for vin in found if is_known_maker(vin)] or found


def _sounds_alike(code: str, vin: str, open_places: tuple[int, ...]) -> bool:
    return len(vin) == VIN_LENGTH and all(
        mine == other or (at in open_places and other in _SAID_ALIKE[mine])
        for at, (mine, other) in enumerate(zip(code, vin, strict=True))
    )


def _differences(one: str, other: str) -> tuple[int, ...]:
    return tuple(at for at in range(VIN_LENGTH) if one[at] != other[at])
