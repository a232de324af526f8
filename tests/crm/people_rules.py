"""What makes the dataset's people and cars real: each rule yields what breaks it.

The facts that a rule compares with are written here anew, not taken from the code that is tested.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from crm.dataset.build import Dataset
from crm.dataset.rows import (
    AppointmentRow,
    CustomerRow,
    PhoneRow,
    VehicleRow,
)
from crm.email import normalise_email
from crm.phone import normalise_phone
from crm.sound import sound_key
from crm.text import clean_name
from crm.vin import is_valid_vin
from tests.crm.dataset_rows import Rule, appointments, customers, vehicles

MAKER_OF = {
    "4T1": "Toyota", "2T1": "Toyota", "5YF": "Toyota", "2T3": "Toyota", "5TD": "Toyota",
    "5TF": "Toyota", "JTD": "Toyota", "2HG": "Honda", "1HG": "Honda", "5J6": "Honda",
    "5FN": "Honda", "1FT": "Ford", "1FM": "Ford", "3FA": "Ford", "1FA": "Ford",
    "1GC": "Chevrolet", "3GC": "Chevrolet", "1G1": "Chevrolet", "2GN": "Chevrolet",
    "1GN": "Chevrolet", "1N4": "Nissan", "5N1": "Nissan", "3N1": "Nissan", "5NP": "Hyundai",
    "KM8": "Hyundai", "5NM": "Hyundai", "5XY": "Kia", "KND": "Kia", "4S4": "Subaru",
    "JF2": "Subaru", "3VW": "Volkswagen", "1VW": "Volkswagen", "WBA": "BMW", "5UX": "BMW",
    "4JG": "Mercedes-Benz", "WDD": "Mercedes-Benz", "WAU": "Audi", "WA1": "Audi", "1J4": "Jeep",
    "1C4": "Jeep", "2C3": "Dodge", "1C6": "Ram", "2C4": "Chrysler", "3GT": "GMC", "JM3": "Mazda",
    "JM1": "Mazda", "2T2": "Lexus", "5J8": "Acura", "5YJ": "Tesla", "YV4": "Volvo",
}  # fmt: skip
STATUS_COUNTS = {
    "done": 5_600,
    "confirmed": 1_200,
    "cancelled": 590,
    "no_show": 600,
    "in_progress": 10,
}


def counts(dataset: Dataset) -> Iterator[object]:
    """10,000 customers, 16,000 cars, 8,000 appointments: 70 % were, 15 % come, 15 % neither."""
    sizes = {CustomerRow: 10_000, VehicleRow: 16_000, AppointmentRow: 8_000}
    for kind, size in sizes.items():
        if len(dataset.rows[kind]) != size:
            yield kind.__name__, len(dataset.rows[kind])
    found = Counter(row.status for row in appointments(dataset))
    if found != STATUS_COUNTS:
        yield found
    for kind in sizes:
        keys = [row[0] for row in dataset.rows[kind]]
        if keys != list(range(1, len(keys) + 1)):
            yield kind.__name__, "ids have gaps"


def phones_are_fiction(dataset: Dataset) -> Iterator[object]:
    """555-01xx under an area code of the plan, one primary number each, no number twice."""
    primaries: Counter[int] = Counter()
    pairs: set[tuple[int, str]] = set()
    for row in dataset.rows[PhoneRow]:
        phone = PhoneRow(*row)
        is_fiction = re.fullmatch(r"\+1[2-9][0-9]{2}55501[0-9]{2}", phone.phone_e164)
        if not is_fiction or normalise_phone(phone.phone_e164) != phone.phone_e164:
            yield phone
        primaries[phone.customer_id] += phone.is_primary
        pairs.add((phone.customer_id, phone.phone_e164))
    if len(pairs) != len(dataset.rows[PhoneRow]):
        yield "a number twice"
    if set(primaries.values()) != {1} or len(primaries) != 10_000:
        yield "primaries", Counter(primaries.values())


def emails_are_fiction(dataset: Dataset) -> Iterator[object]:
    """At example.com, well formed, one person each."""
    emails = [row.email for row in customers(dataset) if row.email is not None]
    for email in emails:
        if not email.endswith("@example.com") or normalise_email(email) != email:
            yield email
    if len(set(emails)) != len(emails) or not 9_000 < len(emails) < 9_500:
        yield "emails", len(emails), len(set(emails))


def names_are_stored_as_the_crm_stores_them(dataset: Dataset) -> Iterator[object]:
    for row in customers(dataset):
        for name, key in (
            (row.first_name, row.first_name_sound),
            (row.last_name, row.last_name_sound),
        ):
            if clean_name(name, "name") != name or unicodedata.normalize("NFC", name) != name:
                yield row
            if sound_key(name) != key:
                yield row


def hard_cases_are_there(dataset: Dataset) -> Iterator[object]:
    people = customers(dataset)
    texts = [f"{row.first_name} {row.last_name}" for row in people]
    wanted: dict[str, tuple[int, Callable[[str], bool]]] = {
        "apostrophe": (20, lambda text: "'" in text or "’" in text),
        "hyphen": (100, lambda text: "-" in text),
        "marks": (800, lambda text: not text.isascii()),
        "no Latin letter": (8, lambda text: not re.search(r"[A-Za-zÀ-ɏ]", text)),
        "long": (3, lambda text: len(text) > 60),
        "short": (3, lambda text: len(text) <= 5),
    }
    for label, (least, holds) in wanted.items():
        if (found := sum(map(holds, texts))) < least:
            yield label, found
    if sum(count - 1 for count in Counter(texts).values()) < 200:
        yield "namesakes"
    households = Counter((row.street, row.last_name) for row in people if row.street)
    if sum(count > 1 for count in households.values()) < 1_000:
        yield "households"


def numbers_are_shared(dataset: Dataset) -> Iterator[object]:
    """By families, by workplaces, by one switchboard; and twins sound alike on one of them."""
    owners: defaultdict[str, list[int]] = defaultdict(list)
    for row in dataset.rows[PhoneRow]:
        owners[row[1]].append(row[0])
    sizes = Counter(len(ids) for ids in owners.values())
    if sizes[2] < 600 or sizes[3] < 300 or sizes[4] < 150 or max(sizes) != 25:
        yield sizes
    people = customers(dataset)
    twins = 0
    for ids in owners.values():
        for one in ids:
            for other in ids:
                a, b = people[one - 1], people[other - 1]
                twins += (
                    one < other
                    and (a.last_name, a.street) == (b.last_name, b.street)
                    and a.first_name != b.first_name
                    and a.first_name_sound == b.first_name_sound
                )
    if twins < 20:
        yield "twins", twins


def flags_tell_the_truth(dataset: Dataset) -> Iterator[object]:
    names = Counter((row.first_name, row.last_name) for row in customers(dataset))
    owners = Counter(row[1] for row in dataset.rows[PhoneRow])
    shared = {row[0] for row in dataset.rows[PhoneRow] if owners[row[1]] > 1}
    for row in customers(dataset):
        truth = {
            "namesake": names[row.first_name, row.last_name] > 1,
            "shared_phone": row.customer_id in shared,
            "no_email": row.email is None,
            "no_address": row.street is None,
        }
        if set(row.quality_flags) != {flag for flag, holds in truth.items() if holds}:
            yield row


def addresses_and_proofs_are_whole(dataset: Dataset) -> Iterator[object]:
    """All of an address or nothing; what is verified is there, was verified by something, and is
    past."""
    for row in customers(dataset):
        parts = (row.street, row.city, row.region, row.postcode)
        if None in parts and set(parts) != {None}:
            yield row
        if row.postcode is not None and not re.fullmatch(r"6[0-9]{4}", row.postcode):
            yield row
        for value, at, by in (
            (row.email, row.email_verified_at, row.email_verified_by),
            (row.street, row.address_verified_at, row.address_verified_by),
        ):
            if (at is None) != (by is None) or (at is not None and value is None):
                yield row
            if at is not None and at.date() >= dataset.today:
                yield row


def everybody_has_one_to_four_cars(dataset: Dataset) -> Iterator[object]:
    owned = Counter(row.customer_id for row in vehicles(dataset))
    if len(owned) != 10_000 or Counter(owned.values()) != {1: 5600, 2: 3000, 3: 1200, 4: 200}:
        yield Counter(owned.values())


def vins_agree_with_the_car(dataset: Dataset) -> Iterator[object]:
    """Check digit, maker, model year; the seventh character tells 1990 from 2020."""
    codes = "ABCDEFGHJKLMNPRSTVWXY123456789"
    for row in vehicles(dataset):
        if not is_valid_vin(row.vin) or MAKER_OF.get(row.vin[:3]) != row.make:
            yield row
        if row.vin[9] != codes[(row.year - 1980) % 30] or row.vin[6].isalpha() != (row.year > 2009):
            yield row
    if len({row.vin for row in vehicles(dataset)}) != 16_000:
        yield "a VIN twice"


def plates_are_unique(dataset: Dataset) -> Iterator[object]:
    plates = [row.plate for row in vehicles(dataset)]
    yield from (plate for plate in plates if not re.fullmatch(r"[A-Z]{2}[0-9]{5}", plate))
    if len(set(plates)) != len(plates):
        yield "a plate twice"


def mileage_grows_with_age(dataset: Dataset) -> Iterator[object]:
    """From year to year in the middle, and by 3,000 to 25,000 miles a year for every car."""
    by_age: defaultdict[int, list[int]] = defaultdict(list)
    for row in vehicles(dataset):
        age = dataset.today.year - row.year
        by_age[age].append(row.mileage)
        if not 0 <= age <= 22 or row.mileage > 25_000 * (age + 1.5):
            yield row
    middles = [sorted(by_age[age])[len(by_age[age]) // 2] for age in range(15)]
    if middles != sorted(middles):
        yield middles


PEOPLE_RULES: tuple[Rule, ...] = (
    counts,
    phones_are_fiction,
    emails_are_fiction,
    names_are_stored_as_the_crm_stores_them,
    hard_cases_are_there,
    numbers_are_shared,
    flags_tell_the_truth,
    addresses_and_proofs_are_whole,
    everybody_has_one_to_four_cars,
    vins_agree_with_the_car,
    plates_are_unique,
    mileage_grows_with_age,
)
