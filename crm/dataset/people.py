"""Ten thousand people, the awkward ones included: families, twins, namesakes, shared numbers.

Nobody exists: numbers come from the 555-01xx block that is kept for fiction, addresses from
example.com.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from crm.dataset.draws import Draws
from crm.dataset.hard_names import APOSTROPHE_NAMES, HARD_NAMES, TWIN_NAMES
from crm.dataset.pools import Pools
from crm.dataset.rows import CustomerRow, NoteRow, PhoneRow
from crm.demo_people import WRITTEN_PEOPLE
from crm.sound import sound_key

CUSTOMERS = 10_000
HOUSEHOLDS = ((2, 700), (3, 400), (4, 200))  # members and how many of them
NAMESAKES = ((2, 180), (3, 10))
TWIN_PAIRS = 40
APOSTROPHES = 90
WORKPLACES = 40
SWITCHBOARD_SIZE = 25
# Newcomers have no past at the shop; the others came before the time that appointments cover.
NEWCOMER_SHARE = 0.15
NEWCOMER_MOST_DAYS = 390
REGULAR_DAYS = (400, 3650)

_LOCAL_CODES = frozenset(
    {"224", "312", "331", "464", "630", "708", "773", "779", "815", "847", "872"}
)
_LOCAL_SHARE = 0.2
_CITIES = (
    ("Chicago", "60607"), ("Chicago", "60614"), ("Chicago", "60625"), ("Chicago", "60647"),
    ("Chicago", "60657"), ("Chicago", "60618"), ("Chicago", "60622"), ("Chicago", "60640"),
    ("Evanston", "60201"), ("Oak Park", "60302"), ("Cicero", "60804"), ("Berwyn", "60402"),
    ("Skokie", "60076"), ("Des Plaines", "60016"), ("Park Ridge", "60068"), ("Elmhurst", "60126"),
    ("Oak Lawn", "60453"), ("Lombard", "60148"), ("Wheaton", "60187"), ("Naperville", "60540"),
    ("Aurora", "60505"), ("Elgin", "60120"), ("Joliet", "60435"), ("Schaumburg", "60193"),
)  # fmt: skip
_NOTES = (
    "Prefers text messages.",
    "Calls on behalf of the whole family.",
    "Hard of hearing: speak slowly.",
    "Wants the old parts back.",
    "Leaves the key in the drop box.",
    "Do not call before ten.",
)
_NOTED_SHARE = 0.05
_PHONE_MEANS = ("caller_id", "sms_code", "staff")
_ADDRESS_MEANS = ("staff", "document")

_Address = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Regular:
    """What the rest of the dataset has to know of a customer; days are ordinals of dates."""

    customer_id: int
    since: int
    is_newcomer: bool


@dataclass(slots=True)
class _Draft:
    first: str
    last: str
    phones: list[str]
    address: _Address | None
    flags: list[str] = field(default_factory=list)


def build_people(
    draws: Draws, pools: Pools, today: date
) -> tuple[list[CustomerRow], list[PhoneRow], list[NoteRow], list[Regular]]:
    """Return customers, their numbers, notes, and the facts that cars and visits build on."""
    drafts = _Drafting(draws, pools).draft(CUSTOMERS - len(WRITTEN_PEOPLE))
    draws.shuffle(drafts)
    everybody = [
        _Draft(one.first_name, one.last_name, [one.phone_e164], None) for one in WRITTEN_PEOPLE
    ] + drafts
    _flag(everybody)
    customers: list[CustomerRow] = []
    phones: list[PhoneRow] = []
    notes: list[NoteRow] = []
    regulars: list[Regular] = []
    sound = lru_cache(maxsize=8192)(sound_key)
    for customer_id, draft in enumerate(everybody, start=1):
        written = WRITTEN_PEOPLE[customer_id - 1] if customer_id <= len(WRITTEN_PEOPLE) else None
        is_newcomer = written is None and draws.chance(NEWCOMER_SHARE)
        days = draws.whole(30, NEWCOMER_MOST_DAYS) if is_newcomer else draws.whole(*REGULAR_DAYS)
        since = today - timedelta(days=days)
        at = datetime.combine(since, time(15, draws.whole(0, 59)), tzinfo=UTC)
        email = written.email if written else _email(draws, draft, customer_id)
        customers.append(_customer(draws, customer_id, draft, email, at, sound))
        phones.extend(_phones(draws, customer_id, draft, at))
        if draws.chance(_NOTED_SHARE):
            notes.append(NoteRow(len(notes) + 1, customer_id, "staff", draws.pick(_NOTES), at))
        regulars.append(Regular(customer_id, since.toordinal(), is_newcomer))
    return customers, phones, notes, regulars


class _Drafting:
    """Draws people in groups; a number or an address goes to whoever the group shares it with."""

    __slots__ = ("_draws", "_far", "_local", "_names", "_pools")

    def __init__(self, draws: Draws, pools: Pools) -> None:
        self._draws = draws
        self._pools = pools
        taken = {person.phone_e164 for person in WRITTEN_PEOPLE}
        numbers = [
            number
            for code in pools.area_codes
            for line in range(100)
            if (number := f"+1{code}55501{line:02d}") not in taken
        ]
        draws.shuffle(numbers)
        self._local = [number for number in numbers if number[2:5] in _LOCAL_CODES]
        self._far = [number for number in numbers if number[2:5] not in _LOCAL_CODES]
        # The origins, each as often as one hundred people have it.
        self._names = [one for one in pools.origins for _ in range(max(1, round(one.share * 100)))]

    def draft(self, size: int) -> list[_Draft]:
        """Return exactly `size` people: every awkward group, then ordinary ones."""
        drafts = [self._single(first, last) for first, last in HARD_NAMES]
        drafts += [
            self._single(self._name()[0], self._draws.pick(APOSTROPHE_NAMES))
            for _ in range(APOSTROPHES)
        ]
        for group in (
            self._households, self._twins, self._namesakes, self._workplaces, self._switchboard
        ):  # fmt: skip
            drafts.extend(group())
        while len(drafts) < size:
            drafts.append(self._single(*self._name()))
        return drafts

    def _households(self) -> Iterator[_Draft]:
        for members, count in HOUSEHOLDS:
            for _ in range(count):
                yield from self._family([self._name()[0] for _ in range(members)])

    def _twins(self) -> Iterator[_Draft]:
        for number in range(TWIN_PAIRS):
            yield from self._family(TWIN_NAMES[number % len(TWIN_NAMES)], same_name=1.0)

    def _family(self, firsts: Sequence[str], same_name: float = 0.85) -> Iterator[_Draft]:
        """Yield people under one roof, on one line, most of them with one last name."""
        landline, address, last = self._number(), self._address(), self._name()[1]
        used: set[str] = set()
        for first in firsts:
            while first in used:
                first = self._name()[0]
            used.add(first)
            own = [self._number()] if self._draws.chance(0.6) else []
            name = last if self._draws.chance(same_name) else self._name()[1]
            yield _Draft(first, name, [*own, landline], address)

    def _namesakes(self) -> Iterator[_Draft]:
        for size, count in NAMESAKES:
            for _ in range(count):
                name = self._name()
                for _ in range(size):
                    yield self._single(*name)

    def _workplaces(self) -> Iterator[_Draft]:
        for _ in range(WORKPLACES):
            number = self._number()
            for _ in range(self._draws.whole(2, 5)):
                draft = self._single(*self._name())
                draft.phones.append(number)
                yield draft

    def _switchboard(self) -> Iterator[_Draft]:
        number = self._number()
        for _ in range(SWITCHBOARD_SIZE):
            draft = self._single(*self._name())
            draft.phones = [number]
            yield draft

    def _single(self, first: str, last: str) -> _Draft:
        numbers = [self._number()]
        if self._draws.chance(0.2):
            numbers.append(self._number())
        address = self._address() if self._draws.chance(0.96) else None
        return _Draft(first, last, numbers, address)

    def _name(self) -> tuple[str, str]:
        origin = self._draws.pick(self._names)
        first, last = self._draws.pick(origin.first), self._draws.pick(origin.last)
        if self._draws.chance(0.02):
            last = f"{last}-{self._draws.pick(origin.last)}"
        return first, last

    def _number(self) -> str:
        is_local = bool(self._local) and self._draws.chance(_LOCAL_SHARE)
        return (self._local if is_local else self._far).pop()

    def _address(self) -> _Address:
        city, postcode = self._draws.pick(_CITIES)
        street = f"{self._draws.whole(1, 9899)} {self._draws.pick(self._pools.streets)}"
        return street, city, "IL", postcode


def _flag(drafts: Sequence[_Draft]) -> None:
    names = Counter((draft.first, draft.last) for draft in drafts)
    numbers = Counter(number for draft in drafts for number in draft.phones)
    for draft in drafts:
        if names[draft.first, draft.last] > 1:
            draft.flags.append("namesake")
        if any(numbers[number] > 1 for number in draft.phones):
            draft.flags.append("shared_phone")


def _customer(
    draws: Draws,
    customer_id: int,
    draft: _Draft,
    email: str | None,
    at: datetime,
    sound: Callable[[str], str],
) -> CustomerRow:
    email_checked = at if email and draws.chance(0.4) else None
    address_checked = at if draft.address and draws.chance(0.5) else None
    street, city, region, postcode = draft.address or (None, None, None, None)
    flags = [
        *draft.flags,
        *(["no_email"] if email is None else []),
        *(["no_address"] if draft.address is None else []),
    ]
    return CustomerRow(
        customer_id,
        draft.first,
        draft.last,
        sound(draft.first),
        sound(draft.last),
        email,
        email_checked,
        "email_link" if email_checked else None,
        street,
        city,
        region,
        postcode,
        address_checked,
        draws.pick(_ADDRESS_MEANS) if address_checked else None,
        flags,
        at,
        at,
    )


def _phones(draws: Draws, customer_id: int, draft: _Draft, at: datetime) -> Iterator[PhoneRow]:
    for place, number in enumerate(draft.phones):
        is_checked = draws.chance(0.6)
        means = draws.pick(_PHONE_MEANS) if is_checked else None
        yield PhoneRow(customer_id, number, place == 0, at if is_checked else None, means, at)


def _email(draws: Draws, draft: _Draft, customer_id: int) -> str | None:
    if draws.chance(0.08):
        return None
    names = [_plain(draft.first), _plain(draft.last)]
    local = ".".join(name for name in names if name)[:40].strip(".") or "customer"
    return f"{local}.{customer_id}@example.com"


@lru_cache(maxsize=8192)
def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(char for char in letters if char.isalnum())
