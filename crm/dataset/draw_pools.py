"""Draws `pools.json` anew: `python -m crm.dataset.draw_pools`. The dataset changes with it.

Needs Faker, which the product itself does not.
"""

from __future__ import annotations

import unicodedata

import phonenumbers
from faker import Faker

from crm.dataset.pools import POOLS_FILE, Origin, Pools, dump_pools

SEED = 20261124
_STREETS = 400
# Locale of the last names, of the first names, share of the people, and draws of each kind.
_ORIGINS = (
    ("en_US", "en_US", 0.74, 1200),
    ("es_MX", "es_MX", 0.10, 240),
    ("pl_PL", "pl_PL", 0.04, 120),
    ("vi_VN", "en_US", 0.02, 40),
    ("fr_FR", "fr_FR", 0.02, 80),
    ("de_DE", "de_DE", 0.02, 80),
    ("en_IE", "en_IE", 0.02, 80),
    ("tr_TR", "tr_TR", 0.01, 60),
    ("cs_CZ", "cs_CZ", 0.01, 60),
    ("sv_SE", "sv_SE", 0.01, 60),
    ("ig_NG", "ig_NG", 0.01, 60),
)


def draw_pools() -> Pools:
    """Draw names from Faker and area codes from the numbering plan."""
    origins = []
    for last_locale, first_locale, share, size in _ORIGINS:
        first_source, last_source = Faker(first_locale), Faker(last_locale)
        first_source.seed_instance(SEED)
        last_source.seed_instance(SEED)
        first = sorted(_clean(first_source.first_name()) for _ in range(size))
        last = sorted(_clean(last_source.last_name()) for _ in range(size))
        origins.append(Origin(last_locale, share, tuple(first), tuple(last)))
    streets = Faker("en_US")
    streets.seed_instance(SEED)
    names: dict[str, None] = {}
    while len(names) < _STREETS:
        names[streets.street_name()] = None
    return Pools(tuple(origins), tuple(sorted(names)), _area_codes())


def _clean(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _area_codes() -> tuple[str, ...]:
    """Return the codes under which the plan knows 555-01xx as an ordinary number."""
    found = []
    for code in range(200, 1000):
        number = phonenumbers.PhoneNumber(country_code=1, national_number=code * 10**7 + 5550123)
        kind = phonenumbers.number_type(number)
        if (
            kind == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
            and phonenumbers.region_code_for_number(number) == "US"
        ):
            found.append(str(code))
    return tuple(found)


if __name__ == "__main__":
    POOLS_FILE.write_text(dump_pools(draw_pools()), encoding="utf-8")
