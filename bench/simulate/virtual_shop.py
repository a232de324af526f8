"""Plays scenarios in virtual time against the real rows: one after the other, in one database."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import asyncpg

from bench.simulate.direct_model import DirectModel
from bench.simulate.grading import problems
from bench.simulate.people import ANONYMOUS, PEOPLE, phone_of
from bench.simulate.playout import HeardSegment
from bench.simulate.ports import Faults, KeptTexts, VirtualSchedule, failing
from bench.simulate.script import Script, Step
from bench.simulate.shop_rows import EndRows, ShopRows
from bench.simulate.shop_time import VIRTUAL_NOW, ZONE
from bench.simulate.virtual_call import Delays, VirtualCall
from bench.simulate.virtual_caller import VirtualCaller
from crm.calls import CallJournal
from crm.demo_people import WRITTEN_PEOPLE
from crm.directory import CrmDirectory
from crm.identity_attempts import IdentityAttempts
from crm.pool import close_pool, open_pool
from crm.principal import RowSecurity
from crm.slot_readers import SlotReaders
from crm.workshop import CrmWorkshop
from scheduler.desk import ServiceDesk
from voicecore.call.events import Event
from voicecore.call.history import HistoryItem
from voicecore.call.policy import Policy
from voicecore.dialog.conversation import Conversation
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.safeguards import Safeguards
from voicecore.dialog.shop import ShopProfile
from voicecore.net.held_slots import HeldSlots
from voicecore.net.llm import LlmStream

SHOP = ShopProfile(
    name="Northside Auto Care",
    timezone=ZONE.key,
    address="120 Lakeview Avenue, Springfield",
    transfer_number="+13125550100",
    hours="We are open Monday to Friday from eight a.m. to six p.m., and Saturday until one p.m.",
)
SHOP_NUMBER = "+13125550100"
Watch = Callable[[VirtualCall, int, Event], None]
"""Sees every event behind its step, with its number."""


def unwatched(call: VirtualCall, number: int, event: Event) -> None:
    """Look away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of one run of a scenario; without `problems` it passed.

    `duration_s` is the call's length on its own clock, `wall_s` what it took to play.
    """

    name: str
    seed: int
    problems: tuple[str, ...]
    turns: int
    tools: tuple[str, ...]
    duration_s: float
    wall_s: float
    rows: EndRows
    heard: tuple[HeardSegment, ...]
    said: tuple[tuple[float, str], ...]
    history: tuple[HistoryItem, ...]
    texts: tuple[tuple[str, str], ...] = ()
    steps: int = 0
    events: tuple[Event, ...] = field(default=(), repr=False)

    def transcript(self) -> str:
        """Return who said what, in the order of time."""
        lines = [
            (part.at, "agent ", part.text + ("" if part.complete else " -")) for part in self.heard
        ]
        lines += [(at, "caller", text) for at, text in self.said]
        return "\n".join(f"{at:7.1f}  {who}  {text}" for at, who, text in sorted(lines))


class VirtualShop:
    """A database of its own with everything that calls need besides audio."""

    def __init__(self, pool: asyncpg.Pool, rows: ShopRows, llm: LlmStream) -> None:
        self.pool = pool
        self.rows = rows
        self.now = VIRTUAL_NOW
        self.llm = llm

    async def play(
        self,
        script: Script,
        seed: int = 0,
        *,
        watch: Watch = unwatched,
    ) -> Played:
        """Play one scenario from fresh rows; `watch` sees every event behind its step."""
        begun = time.perf_counter()
        if isinstance(self.llm, DirectModel):
            self.llm.begin()
        self.now = VIRTUAL_NOW
        random = Random(f"{script.name} {seed}")
        numbers = await self.rows.reset(script, VIRTUAL_NOW)
        call_sid = f"CA{random.getrandbits(128):032x}"
        faults = Faults()
        for step in script.faults:
            faults.order(step)
        messenger = KeptTexts(faults)
        desk = VirtualSchedule(
            ServiceDesk(self.pool, zone=ZONE, clock=self._clock), faults, self._clock
        )
        holds = HeldSlots(desk, call_sid)
        conversation = Conversation(
            directory=failing(CrmDirectory(self.pool, zone=ZONE, clock=self._clock), faults),
            schedule=holds,
            messenger=messenger,
            shop=SHOP,
            call_sid=call_sid,
            caller_e164=_number(script),
            now=self._clock,
            workshop=CrmWorkshop(self.pool),
            reminder=_reminder(script, numbers),
            readers=SlotReaders(lambda: self.now.date()),
            safeguards=Safeguards(
                rows=RowSecurity(),
                attempts=IdentityAttempts(self.pool, zone=ZONE, clock=self._clock),
            ),
        )
        caller = VirtualCaller(script, random)
        events: list[Event] = []

        def stepped(number: int, event: Event) -> None:
            events.append(event)
            watch(call, number, event)
            self.now = VIRTUAL_NOW + timedelta(seconds=call.now)

        async def fate(step: Step, offered: Sequence[str]) -> None:
            await self._fate(step, offered, faults)

        call = VirtualCall(
            conversation,
            self.llm,
            caller,
            random,
            delays=Delays(**script.knobs),
            policy=Policy(can_transfer=True),
            fate=fate,
            texts=messenger.sent,
            person_answers=script.transfer != "nobody",
            on_step=stepped,
        )
        await conversation.prefetch()
        cause = await call.run()
        await holds.release_all()
        await self._write(call_sid, script, cause.value, conversation.stats)
        end = await self.rows.read(call_sid)
        heard = tuple(call.playout.heard)
        found = problems(
            script,
            end,
            now=VIRTUAL_NOW,
            texts=messenger.sent,
            heard=[part.text for part in heard],
            tools=call.tools,
            whispers=call.whispers,
        )
        if isinstance(self.llm, DirectModel):
            found += [f"the vendor would refuse a request: {text}" for text in self.llm.rejected]
        found += [f"the call ended before: {step.verb} {step.text}" for step in caller.left]
        return Played(
            name=script.name,
            seed=seed,
            problems=tuple(found),
            turns=call.state.turn,
            tools=tuple(call.tools),
            duration_s=round(call.now, 2),
            wall_s=round(time.perf_counter() - begun, 4),
            rows=end,
            heard=heard,
            said=tuple(caller.said),
            history=call.state.history,
            texts=tuple(messenger.sent),
            steps=call.steps,
            events=tuple(events),
        )

    def _clock(self) -> datetime:
        return self.now

    async def _fate(self, step: Step, offered: Sequence[str], faults: Faults) -> None:
        match step.verb:
            case "rival" if offered:
                place = int(step.text) if step.text.isdigit() else 0
                start = datetime.fromisoformat(offered[min(place, len(offered) - 1)])
                await self.rows.take(start)
            case "expire_holds":
                await self.rows.expire_holds()
            case "fail":
                faults.order(step)

    async def _write(
        self, call_sid: str, script: Script, outcome: str, stats: dict[str, object]
    ) -> None:
        journal = CallJournal(self.pool)
        at = datetime.now(UTC)
        await journal.call_started(call_sid, at=at, from_e164=_number(script), to_e164=SHOP_NUMBER)
        await journal.call_ended(call_sid, at=at, outcome=outcome, stats=stats)


@asynccontextmanager
async def virtual_shop(dsn: str, llm: LlmStream) -> AsyncIterator[VirtualShop]:
    """Open a prepared database for scenarios; nothing of it may be anybody's else."""
    pool = await open_pool(dsn, max_size=3)
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        rows = ShopRows(connection, ServiceDesk(pool, zone=ZONE, clock=lambda: VIRTUAL_NOW))
        yield VirtualShop(pool, rows, llm)
    finally:
        await connection.close()
        await close_pool(pool)


def _number(script: Script) -> str | None:
    if script.is_outbound:
        return None
    return None if script.caller == ANONYMOUS else phone_of(script.caller)


def _reminder(script: Script, numbers: Mapping[int, int]) -> Reminder | None:
    if not script.reminder:
        return None
    person = next(row for row in WRITTEN_PEOPLE if row.customer_id == PEOPLE[script.reminder])
    return Reminder(
        appointment_id=numbers[0], phone_e164=person.phone_e164, first_name=person.first_name
    )
