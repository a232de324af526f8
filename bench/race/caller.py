"""A caller, as the dialog acts for one: whatever got no answer is asked again."""

from __future__ import annotations

import asyncio
import random
import time
from uuid import UUID

from bench.race.course import Course, Stage
from bench.race.journal import Op
from bench.race.operations import SILENCE, JournaledDesk, Silence, until_answered
from bench.race.plan import RacePlan
from bench.race.shop import SERVICE_CODES
from crm.appointments import Appointment
from scheduler.outcomes import HoldOutcome, RescheduleOutcome

# The model may call the tool three times for one yes.
CONFIRMS = 3
ASKED_LATER = 0.1
PLACES_TRIED = 3
MOVES_TRIED = 2
# Everybody wants the same start at the same moment; then it is another one.
HOT_FOR_S = 0.25
HOT_SHARE = 0.5
LEFT_BEHIND = 0.08
GIVEN_BACK = 0.08
CHANGED_EARLY = 0.12
MOVED = 0.35
CANCELLED_TWICE = 0.2


class Caller:
    """Books, moves and cancels; `name` is its own in the whole race."""

    def __init__(self, desk: JournaledDesk, plan: RacePlan, name: str) -> None:
        self._desk = desk
        self._plan = plan
        self._name = name
        self._rng = random.Random(f"{plan.seed} {name}")
        self._intents = 0
        self._share = max(1, plan.kept // (plan.processes * plan.callers))
        self._kept: list[Course] = []

    async def run(self, stop: asyncio.Event, adopted: list[Course]) -> None:
        """Go on with the intents of a killed process, then live on until `stop`.

        Raises:
            GivenUpError: the database does not come back.
        """
        for course in adopted:
            await self._resume(course)
        while not stop.is_set():
            is_changing = self._kept and self._rng.random() < CHANGED_EARLY
            if is_changing or len(self._kept) > self._share:
                await self._change(self._kept.pop(self._rng.randrange(len(self._kept))))
            else:
                self._intents += 1
                await self._book(Course(f"{self._name}.{self._intents}"))

    async def _resume(self, course: Course) -> None:
        """Ask again what the killed process had asked last."""
        for entry in list(course.open.values()):
            if entry.op is Op.MOVE:
                await self._move(course, entry.start)
            elif entry.op is Op.CANCEL:
                await self._cancel(course)
                return
        forgotten = self._plan.without_key and course.may_have(Op.CONFIRM, course.key)
        if course.stage is Stage.BOOKED:
            self._kept.append(course)
        elif course.stage is Stage.HELD and not forgotten:
            await self._take(course)
        elif course.stage is not Stage.CANCELLED:
            await self._book(course)

    async def _book(self, course: Course) -> None:
        """Hold a place, then most often take it."""
        start = self._some_start()
        for _ in range(PLACES_TRIED):
            outcome = await self._hold(course, start)
            if outcome.hold is not None:
                await self._take(course)
                return
            if not outcome.alternatives:
                break
            start = self._rng.choice(outcome.alternatives).start.isoformat()
        self._desk.end(course.intent)

    async def _take(self, course: Course) -> None:
        """Confirm a hold; now and then give it back, or leave it to expire."""
        luck = self._rng.random()
        if luck < LEFT_BEHIND:
            self._desk.end(course.intent)
        elif luck < LEFT_BEHIND + GIVEN_BACK:
            await until_answered(lambda: self._desk.release(course.intent, course.key))
            self._desk.end(course.intent)
        else:
            await self._confirm(course)

    async def _change(self, course: Course) -> None:
        if self._rng.random() < MOVED:
            start = self._some_start()
            for _ in range(MOVES_TRIED):
                outcome = await self._move(course, start)
                if not outcome.alternatives:
                    break
                start = self._rng.choice(outcome.alternatives).start.isoformat()
            self._kept.append(course)
            return
        await self._cancel(course)
        if self._rng.random() < CANCELLED_TWICE:
            await self._cancel(course)

    # --- one operation, until it is answered -------------------------------------------------

    async def _hold(self, course: Course, start: str) -> HoldOutcome:
        key = self._new_key()

        async def ask() -> HoldOutcome | Silence:
            nonlocal key
            key = self._new_key() if self._plan.without_key else key
            return await self._desk.hold(
                course.intent,
                key=key,
                service_code=SERVICE_CODES[_hash(course) % len(SERVICE_CODES)],
                start=start,
                customer_id=self._customer(course),
            )

        outcome = await until_answered(ask)
        course.key = str(key)
        return outcome

    async def _confirm(self, course: Course) -> None:
        """Confirm several times at once, and go on with whatever any of the answers says."""

        async def ask() -> list[Appointment | None] | Silence:
            asked = (self._desk.confirm(course.intent, course.key) for _ in range(CONFIRMS))
            given = [each for each in await asyncio.gather(*asked) if not isinstance(each, Silence)]
            return given if given or self._plan.without_key else SILENCE

        given = await until_answered(ask)
        if not given:
            # Who has no key cannot ask what became of it, only book anew.
            await self._book(course)
            return
        booked = next((each for each in given if each is not None), None)
        if booked is None:
            self._desk.end(course.intent)
            return
        course.appointment_id = booked.appointment_id
        self._kept.append(course)
        if self._rng.random() < ASKED_LATER:
            await until_answered(lambda: self._desk.confirm(course.intent, course.key))

    async def _move(self, course: Course, start: str) -> RescheduleOutcome:
        outcome = await until_answered(
            lambda: self._desk.move(
                course.intent,
                course.appointment_id,
                start=start,
                customer_id=self._customer(course),
            )
        )
        if outcome.appointment is not None:
            course.appointment_id = outcome.appointment.appointment_id
        return outcome

    async def _cancel(self, course: Course) -> None:
        await until_answered(
            lambda: self._desk.cancel(
                course.intent, course.appointment_id, customer_id=self._customer(course)
            )
        )
        self._desk.end(course.intent)

    # --- choices ----------------------------------------------------------------------------

    def _some_start(self) -> str:
        if self._rng.random() < HOT_SHARE:
            hot = random.Random(int(time.time() / HOT_FOR_S))
            return self._plan.start(hot.randrange(self._plan.starts)).isoformat()
        return self._plan.start(self._rng.randrange(self._plan.starts)).isoformat()

    def _customer(self, course: Course) -> int:
        return _hash(course) % self._plan.customers + 1

    def _new_key(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


def _hash(course: Course) -> int:
    # The same in every process, as another one may take the intent over.
    return sum(course.intent.encode())
