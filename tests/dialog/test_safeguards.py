from __future__ import annotations

import json
from collections import Counter
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import MARIA_PHONE, OTHER_PHONE, world
from voicecore.dialog.desk import CallDesk
from voicecore.dialog.safeguards import NoAttemptLimiter, NoRowGuard, Safeguards

OTHERS = "312 555 0177"


class WatchedRows:
    """Notes for whom the directory was asked."""

    def __init__(self) -> None:
        self.current: Any = "nobody was limited"
        self.seen: list[Any] = []

    def acting_as(self, customer_id: int | None) -> AbstractContextManager[None]:
        return self._as(customer_id)

    def as_shop(self) -> AbstractContextManager[None]:
        return self._as("shop")

    @contextmanager
    def _as(self, who: Any) -> Any:
        before, self.current = self.current, who
        self.seen.append(who)
        yield
        self.current = before


class DayOfMisses:
    """Counts in memory; `most` misses of a number are allowed."""

    def __init__(self, most: int = 10) -> None:
        self.most = most
        self.misses: Counter[tuple[str, str]] = Counter()

    async def may_try(self, line_e164: str | None, claimed_e164: str) -> bool:
        return all(self.misses[key] < self.most for key in _keys(line_e164, claimed_e164))

    async def note_miss(self, line_e164: str | None, claimed_e164: str) -> None:
        self.misses.update(_keys(line_e164, claimed_e164))


def _keys(line: str | None, claimed: str) -> list[tuple[str, str]]:
    others = [] if line == claimed else [("about", claimed)]
    return others if line is None else [("line", line), *others]


def call(safeguards: Safeguards, caller: str | None = MARIA_PHONE) -> DeskHand:
    hand = DeskHand(world(caller=caller))
    desk: CallDesk = hand.world.conversation._desk
    desk._safeguards = safeguards
    return hand


async def test_a_tool_reaches_nobodys_rows_before_and_the_callers_after_the_proof() -> None:
    rows = WatchedRows()
    hand = call(Safeguards(rows=rows))
    await hand.use("get_available_slots", service="oil_change")
    assert rows.seen == [None]
    await hand.identify()
    assert rows.seen == [None, None, "shop"], "only the look-up itself sees all rows"
    await hand.use("service_status")
    assert rows.seen[3:] == [4711]
    assert rows.current == "nobody was limited"


async def test_a_forged_caller_id_shows_nothing_where_it_is_no_fact() -> None:
    """The line and its number said, and every tool after that: nothing of the victim is told."""
    hand = DeskHand(world(safeguards=Safeguards(own_line_proves=False)))
    unknown = DeskHand(world(safeguards=Safeguards(own_line_proves=False), caller=OTHER_PHONE))
    await hand.world.conversation.prefetch()
    forged = await hand.identify()
    assert forged == await unknown.use("lookup_customer", phone="312 555 0199")
    for name in ("service_status", "check_appointment_history", "get_vehicle_info"):
        assert (await hand.use(name)).get("error") in ("not_identified", "not_now")
    said = json.dumps(hand.world.conversation.request(hand.history).messages)
    assert "Lopez" not in said and "Camry" not in said
    assert (await hand.use("lookup_customer", phone="312 555 0142", name="Maria"))["found"] is True


async def test_ten_wrong_facts_a_day_close_a_number_to_other_lines_over_all_calls() -> None:
    safeguards = Safeguards(attempts=DayOfMisses())
    for number in range(4):
        hand = call(safeguards, caller=f"+1312555012{number}")
        for name in ("Smith", "Jones", "Miller"):
            await hand.use("lookup_customer", phone=OTHERS, name=name)
    hand = call(safeguards, caller=None)
    refused = await hand.use("lookup_customer", phone=OTHERS, name="Zebrawood")
    assert refused["found"] is False
    assert "cannot open an account" in refused["ask"]
    own = call(safeguards, caller=OTHER_PHONE)
    assert (await own.use("lookup_customer", phone=OTHERS))["found"] is True, "the own line is"


async def test_ten_wrong_facts_a_day_close_the_line_that_they_came_over() -> None:
    attempts = DayOfMisses()
    for last in range(4):
        hand = call(Safeguards(attempts=attempts), caller=OTHER_PHONE)
        for name in ("Smith", "Jones", "Miller"):
            await hand.use("lookup_customer", phone=f"312 555 019{last}", name=name)
    assert attempts.misses["line", OTHER_PHONE] == 10
    hand = call(Safeguards(attempts=attempts), caller=OTHER_PHONE)
    refused = await hand.use("lookup_customer", phone="312 555 0142", name="Lopez")
    assert "cannot open an account" in refused["ask"]


async def test_a_wrong_code_counts_like_a_wrong_fact() -> None:
    attempts = DayOfMisses()
    hand = call(Safeguards(attempts=attempts))
    await hand.identify()
    await hand.use("update_customer_info", email="new@example.com")
    code = hand.world.messenger.sent[0][1].split("code is ")[1][:6]
    hand.hear(f"{(int(code) + 1) % 10**6:06d}")
    await hand.use("update_customer_info", email="new@example.com")
    assert attempts.misses == {("line", MARIA_PHONE): 1}


async def test_without_safeguards_of_its_own_a_call_goes_on() -> None:
    assert await NoAttemptLimiter().may_try(None, MARIA_PHONE)
    await NoAttemptLimiter().note_miss(None, MARIA_PHONE)
    with NoRowGuard().acting_as(1), NoRowGuard().as_shop():
        assert (await call(Safeguards()).identify())["found"] is True
