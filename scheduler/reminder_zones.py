"""Where a customer's clock may stand: time zones by their number and by their state.

A mobile number moves with its owner and an address may be old, so nobody knows for sure. All zones
that number and address allow count, and whoever rings has to fit all of them at once.
Source: libphonenumber's map of numbers to time zones; US Department of Transportation, time zones
by state, where a state that is split has each of its zones.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone

_EASTERN, _CENTRAL = "America/New_York", "America/Chicago"
_MOUNTAIN, _PACIFIC = "America/Denver", "America/Los_Angeles"
_ALASKA, _ALEUTIANS, _HAWAII = "America/Anchorage", "America/Adak", "Pacific/Honolulu"
US_ZONES = (_EASTERN, _CENTRAL, _MOUNTAIN, "America/Phoenix", _PACIFIC, _ALASKA, _HAWAII)
"""Where somebody may be whose number says no more than that it is North American."""
_ZONES_BY_STATE = {
    (_EASTERN,): "CT DE DC GA ME MD MA NH NJ NY NC OH PA RI SC VT VA WV",
    ("America/Detroit", _CENTRAL): "MI",
    ("America/Indiana/Indianapolis", _CENTRAL): "IN",
    (_EASTERN, _CENTRAL): "FL KY TN",
    (_CENTRAL,): "AL AR IL IA LA MN MS MO OK WI",
    (_CENTRAL, _MOUNTAIN): "KS NE ND SD TX",
    (_MOUNTAIN,): "CO MT NM UT WY",
    ("America/Phoenix", _MOUNTAIN): "AZ",
    ("America/Boise", _PACIFIC): "ID",
    (_PACIFIC, _MOUNTAIN): "OR NV",
    (_PACIFIC,): "CA WA",
    (_ALASKA, _ALEUTIANS): "AK",
    (_HAWAII,): "HI",
    ("America/Puerto_Rico",): "PR VI",
    ("Pacific/Guam",): "GU MP",
    ("Pacific/Pago_Pago",): "AS",
}
STATES = {state: zones for zones, states in _ZONES_BY_STATE.items() for state in states.split()}
_NORTH_AMERICA = 1
# A number without a place, such as a toll-free one, has every zone of its numbering plan.
_MOST_ZONES = 8


def zones_of(phone_e164: str, region: str | None = None) -> tuple[ZoneInfo, ...]:
    """Return every zone that the number and the state allow; empty: nobody can tell.

    A number of North America that says nothing (and a state that is not one of the US) stands for
    all zones of the US.
    """
    names = set(_zones_by_number(phone_e164))
    names.update(STATES.get((region or "").strip().upper(), ()))
    if not names and phone_e164.startswith(f"+{_NORTH_AMERICA}"):
        names.update(US_ZONES)
    return tuple(zone for zone in map(_zone, sorted(names)) if zone is not None)


@lru_cache(maxsize=4096)
def _zones_by_number(phone_e164: str) -> tuple[str, ...]:
    try:
        number = phonenumbers.parse(phone_e164)
    except phonenumbers.NumberParseException:
        return ()
    names = tuple(timezone.time_zones_for_number(number))
    return () if timezone.UNKNOWN_TIMEZONE in names or len(names) > _MOST_ZONES else names


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        # The map may know zones that this machine does not.
        return None
