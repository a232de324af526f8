"""What a race is made of; written to a file, from which every process of the race reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

FILE_NAME = "plan.json"
ZONE = ZoneInfo("America/Chicago")
OPENS, CLOSES = time(8), time(18)
GRID_MINUTES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """How many crashes of each kind, and how often the network is cut beside them."""

    postgres: int = 0
    callers: int = 0
    calendar: int = 0
    cuts: int = 0

    @classmethod
    def split(cls, total: int, *, cuts: int) -> Crashes:
        """Spread crashes over the kinds: about two fifths each for the server and the callers."""
        postgres, callers = (2 * total + 4) // 5, (2 * total + 2) // 5
        return cls(
            postgres=postgres, callers=callers, calendar=total - postgres - callers, cuts=cuts
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """One word for each of them, in a fixed order."""
        return tuple(name for name, count in asdict(self).items() for _ in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """Where the stand-in for Google listens, and what it lets in."""

    calendar_id: str
    client_id: str
    client_secret: str
    refresh_token: str
    api_root: str
    token_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RacePlan:
    """A race: its size, its faults, and what is taken out of the product for it.

    Args:
        operations: how many calls of the booking API at least; a repeat counts as one.
        processes: booking processes, each with `callers` callers at once.
        kept: bookings that the callers keep at most; as many as fit into the shop keep it full.
        hold_ttl_s: short, so that holds left behind come back during the race.
        first_day: first day that is raced for, at the shop.
        without_constraint: the exclusion constraints are dropped.
        without_key: who lost an answer books anew, instead of asking again with the same key.
    """

    operations: int
    crashes: Crashes
    seed: int
    first_day: date
    processes: int = 3
    callers: int = 8
    calendar_workers: int = 2
    bays: int = 6
    technicians: int = 5
    days: int = 5
    customers: int = 200
    kept: int = 480
    hold_ttl_s: float = 4.0
    deadline_s: float = 1.5
    converge_s: float = 300.0
    without_constraint: bool = False
    without_key: bool = False

    @property
    def window(self) -> tuple[datetime, datetime]:
        """First and last instant that the race is about."""
        first = datetime.combine(self.first_day, time(), tzinfo=ZONE)
        return first, datetime.combine(self.day(self.days), time(), tzinfo=ZONE)

    def day(self, number: int) -> date:
        """Return a day of the race, counted from 0."""
        return self.first_day + timedelta(days=number)

    def start(self, number: int) -> datetime:
        """Return a start on the grid; numbers beyond the last start begin again."""
        minutes = (CLOSES.hour - OPENS.hour) * 60
        day, place = divmod(number % self.starts, minutes // GRID_MINUTES)
        opens = datetime.combine(self.day(day), OPENS, tzinfo=ZONE)
        return opens + timedelta(minutes=place * GRID_MINUTES)

    @property
    def starts(self) -> int:
        """How many starts there are on the grid."""
        return self.days * (CLOSES.hour - OPENS.hour) * 60 // GRID_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A plan with the addresses of the servers that it runs against.

    `dsn` leads straight to PostgreSQL, `booking_dsn` over the network that can be cut.
    """

    plan: RacePlan
    dsn: str
    booking_dsn: str
    google: Google

    def write(self, folder: Path) -> None:
        """Leave it for the processes of the race."""
        (folder / FILE_NAME).write_text(json.dumps(asdict(self), default=str), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Setup:
        """Read what `write` left."""
        item = json.loads((folder / FILE_NAME).read_text("utf-8"))
        plan = item["plan"]
        plan["crashes"] = Crashes(**plan["crashes"])
        plan["first_day"] = date.fromisoformat(plan["first_day"])
        return cls(
            plan=RacePlan(**plan),
            dsn=item["dsn"],
            booking_dsn=item["booking_dsn"],
            google=Google(**item["google"]),
        )
