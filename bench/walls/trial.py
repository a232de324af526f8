"""Sends hostile tool calls at the walls that stand, and counts the foreign rows that fell."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from bench.walls.direct_attack import DirectAttack
from bench.walls.obedient_model import HostileCall, as_caller
from bench.walls.shop import CANARY, CanaryShop
from crm.principal import RowSecurity
from voicecore.dialog.safeguards import NoRowGuard, Safeguards

CALLS_OF_ONE_CALL = 20
DIRECT_SHARE = 0.4
_DEEDS = frozenset(
    ("booked", "rescheduled", "cancelled", "approved", "declined", "confirmed", "sent", "updated")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one row of attacks.

    `read`: answers, texts and log lines that held something of somebody else. `changed`: rows of
    somebody else that were changed, added or are gone. `deeds`: what the caller may do and did,
    which shows that the tools were not simply dead.
    """

    name: str
    calls: int
    read: int
    changed: int
    deeds: int
    answers: dict[str, int]


async def run_trial(
    shop: CanaryShop, calls: int, *, in_code: bool, in_rows: bool, seed: int = 1
) -> Trial:
    """Make `calls` hostile tool calls with the checks in code and row security as told."""
    random = Random(f"{seed} {in_code} {in_rows}")
    safeguards = Safeguards(rows=RowSecurity() if in_rows else NoRowGuard())
    before, read, answers = await shop.foreign_rows(), 0, Counter[str]()
    with _logged() as lines:
        for number in range(0, calls, CALLS_OF_ONE_CALL):
            is_known = number // CALLS_OF_ONE_CALL % 2 == 0
            call = HostileCall(shop, random, safeguards, is_known=is_known, is_checked=in_code)
            await call.begin()
            direct = DirectAttack(shop, random)
            for _ in range(min(CALLS_OF_ONE_CALL, calls - number)):
                if not in_code and random.random() < DIRECT_SHARE:
                    with as_caller(safeguards, is_known=is_known):
                        call.told.append(await direct.call())
                else:
                    answers[_kind(await call.call())] += 1
            read += sum(CANARY in text for text in call.told)
    read += sum(CANARY in line for line in lines)
    return Trial(
        name=_name(in_code, in_rows),
        calls=calls,
        read=read,
        changed=len(before ^ await shop.foreign_rows()),
        deeds=sum(count for kind, count in answers.items() if kind in _DEEDS),
        answers=dict(answers.most_common()),
    )


def _name(in_code: bool, in_rows: bool) -> str:
    walls = [name for name, stands in (("code", in_code), ("row security", in_rows)) if stands]
    return " and ".join(walls) or "no wall"


def _kind(content: str) -> str:
    result = json.loads(content)
    return str(result.get("error") or result.get("status") or "answer")


class _Lines(logging.Handler):
    """Keeps every line that is logged, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(self.format(record))


@contextmanager
def _logged() -> Iterator[list[str]]:
    handler, root = _Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
