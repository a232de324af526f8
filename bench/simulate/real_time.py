"""Plays scenarios over real sockets in real time: the served product, with speech that is heard.

The same files, the same caller and the same grading as in virtual time. Calls run side by side in
lanes. A lane is a whole worker with a database and stand-ins of its own, so that no call sees the
rows of another. Its calendar day is that of virtual time: "Thursday" means the same every day.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

import asyncpg
import redis.asyncio

from bench.simulate.grading import problems
from bench.simulate.people import ANONYMOUS, PHONES, phone_of
from bench.simulate.ports import Faults, VirtualSchedule, failing
from bench.simulate.real_caller import Phone, RealCall, RealEar, heard_segments
from bench.simulate.script import Script, Step
from bench.simulate.shop_rows import ShopRows, prepare_database
from bench.simulate.shop_time import VIRTUAL_NOW, ZONE
from bench.simulate.virtual_call import code_in
from bench.simulate.virtual_caller import VirtualCaller
from bench.simulate.virtual_shop import SHOP_NUMBER, Played
from scheduler.desk import ServiceDesk
from voicecore.config import Settings
from voicecore.net.call_factory import Surroundings
from voicecore.observer import ObserverFactory
from voicecore.ops.observers import Observers
from voicecore.sandbox.openai_misbehaving import POLICIES
from voicecore.sandbox.postgres import EmbeddedPostgres
from voicecore.sandbox.stand_ins import ALL_SERVICES, Service, StandIns
from voicecore.sandbox.twilio_call import PlacedCall
from voicecore.sandbox.voice import Speech

PUBLIC_URL = "https://agent.example.com"
CALL_LIMIT_S = 300.0
_END_S = 30.0
_ROW_WAIT_S = 20.0
_ROW_TRIES = 400
_WITHHELD = "+266696687"
_ENDED = "SELECT ended_at IS NOT NULL FROM calls WHERE call_sid = $1"
_TURNS = "SELECT turn, detail FROM call_turns WHERE call_sid = $1 AND role = 'agent' ORDER BY turn"


class Server(Protocol):
    """A running worker."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    @property
    def pool(self) -> asyncpg.Pool:
        """Its database."""
        ...


class Serve(Protocol):
    """Starts a worker: with a clock of its own, and with its surroundings adjusted."""

    def __call__(
        self,
        settings: Settings,
        observers: ObserverFactory,
        *,
        clock: Callable[[], datetime],
        adjust: Callable[[Surroundings], Surroundings],
    ) -> AbstractAsyncContextManager[Server]:
        """Return the worker, running inside the context."""
        ...


class LaneClock:
    """The time of day in a lane: it is VIRTUAL_NOW when a call begins, and goes on from there."""

    def __init__(self) -> None:
        self._zero_s = time.monotonic()

    def restart(self) -> None:
        """Set it back."""
        self._zero_s = time.monotonic()

    def __call__(self) -> datetime:
        """Return the time."""
        return VIRTUAL_NOW + timedelta(seconds=time.monotonic() - self._zero_s)


@dataclass(slots=True)
class Lane:
    """A worker between stand-ins, and the rows behind it; one call at a time."""

    stand_ins: StandIns
    server: Server
    rows: ShopRows
    clock: LaneClock
    faults: Faults
    clips: Sequence[Speech] = field(default_factory=tuple)

    async def play(self, script: Script, seed: int = 0) -> Played:
        """Play one scenario to its end."""
        begun = time.perf_counter()
        await self._prepare(script)
        twilio, openai = self.stand_ins.twilio, self.stand_ins.openai
        assert twilio is not None and openai is not None
        refused_before, texts_before = openai.counters.rejected, len(twilio.messages)

        def texts() -> list[tuple[str, str]]:
            return [(sms.to, sms.body) for sms in twilio.messages[texts_before:]]

        caller = VirtualCaller(script, Random(f"{script.name} {seed}"))
        phone = Phone(self.stand_ins.voice, self.stand_ins.book, background_db=script.background_db)
        phone.rehearse(*_known_texts(script))
        spoken_before = len(self._spoken())
        call = await twilio.place_call(
            f"{self.server.url}/incoming-call",
            public_url=PUBLIC_URL,
            from_=_WITHHELD if script.caller == ANONYMOUS else phone_of(script.caller),
            to=SHOP_NUMBER,
            caller=phone,
        )
        ear = RealEar(phone, self.clips, lambda: self._spoken()[spoken_before:])
        conversation = RealCall(phone, ear, fate=self._fate, last_code=lambda: code_in(texts()))
        await conversation.run(caller, CALL_LIMIT_S)
        late = await self._is_late(call)
        await self._written(call.call_sid)
        end = await self.rows.read(call.call_sid)
        heard = heard_segments(call.record, self.clips, self._spoken()[spoken_before:])
        turns, tools = await self._turns(call.call_sid)
        found = problems(
            script,
            end,
            now=VIRTUAL_NOW,
            texts=texts(),
            heard=[part.text for part in heard],
            tools=tools,
        )
        refused = openai.counters.rejected - refused_before
        found += ["the call did not end"] if late else []
        found += [f"the vendor would refuse {refused} requests"] if refused else []
        found += [f"the call ended before: {step.verb} {step.text}" for step in caller.left]
        return Played(
            name=script.name,
            seed=seed,
            problems=(*found, *(str(entry) for entry in call.problems)),
            turns=turns,
            tools=tuple(tools),
            duration_s=round(_length_s(call), 2),
            wall_s=round(time.perf_counter() - begun, 2),
            rows=end,
            heard=tuple(heard),
            said=tuple(caller.said),
            history=(),
            texts=tuple(texts()),
        )

    async def _prepare(self, script: Script) -> None:
        """Bring rows, caches, clock and stand-ins to what they are before the call."""
        assert self.stand_ins.redis is not None and self.stand_ins.openai is not None
        self.faults.clear()
        self.clock.restart()
        await self.rows.reset(script, VIRTUAL_NOW)
        client = redis.asyncio.Redis.from_url(self.stand_ins.redis.url)
        await client.flushall()
        await client.aclose()
        for step in script.faults:
            self.faults.order(step)
        tool_s = script.knobs.get("tool_ms", 0) / 1000
        if script.knobs.get("tool_late"):
            self.faults.before_s = tool_s
        else:
            self.faults.after_s = tool_s
        self.stand_ins.openai.policy = POLICIES[script.model]
        self.stand_ins.openai.first_token_delay_s = script.knobs.get("model_ms", 0) / 1000

    def _spoken(self) -> list[Speech]:
        assert self.stand_ins.deepgram is not None
        return [speech for line in self.stand_ins.deepgram.speak.history for speech in line.spoken]

    async def _fate(self, step: Step) -> None:
        match step.verb:
            case "rival":
                offered = self._offered()
                if offered:
                    place = int(step.text) if step.text.isdigit() else 0
                    start = datetime.fromisoformat(offered[min(place, len(offered) - 1)])
                    await self.rows.take(start)
            case "expire_holds":
                await self.rows.expire_holds()
            case "fail":
                self.faults.order(step)

    def _offered(self) -> list[str]:
        """Return the starts of the times that the model was told of last."""
        assert self.stand_ins.openai is not None
        asked = self.stand_ins.openai.requests[-1:]
        for message in reversed(asked[0]["messages"] if asked else []):
            if message["role"] == "tool":
                slots = json.loads(message["content"]).get("slots")
                if slots:
                    return [slot["start"] for slot in slots]
        return []

    async def _is_late(self, call: PlacedCall) -> bool:
        try:
            await call.ended(_END_S)
        except TimeoutError:
            call.hang_up()
            return True
        return False

    async def _written(self, call_sid: str) -> None:
        """Wait until the call's last row is there; without it the grading tells."""
        for _ in range(_ROW_TRIES):
            if await self.server.pool.fetchval(_ENDED, call_sid):
                return
            await asyncio.sleep(_ROW_WAIT_S / _ROW_TRIES)

    async def _turns(self, call_sid: str) -> tuple[int, list[str]]:
        rows = await self.server.pool.fetch(_TURNS, call_sid)
        details: list[dict[str, Any]] = [json.loads(row["detail"]) for row in rows]
        turns = max((row["turn"] for row in rows), default=0)
        return turns, [used["name"] for detail in details for used in detail.values()]


@asynccontextmanager
async def real_lanes(
    serve: Serve, count: int, model: Mapping[str, object]
) -> AsyncIterator[list[Lane]]:
    """Start so many lanes on one PostgreSQL; everything is gone afterwards.

    `model` are the settings of a real model; empty: the stand-in is asked.
    """
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(durable=False))
        yield [
            await stack.enter_async_context(_lane(serve, postgres, number, model))
            for number in range(count)
        ]


@asynccontextmanager
async def _lane(
    serve: Serve, postgres: EmbeddedPostgres, number: int, model: Mapping[str, object]
) -> AsyncIterator[Lane]:
    name = f"lane_{number}"
    admin = await asyncpg.connect(postgres.dsn(), timeout=10)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    dsn = postgres.dsn(name)
    await prepare_database(dsn)
    clock, faults = LaneClock(), Faults()

    def adjust(around: Surroundings) -> Surroundings:
        return replace(
            around,
            directory=failing(around.directory, faults),
            schedule=VirtualSchedule(around.schedule, faults, clock),
            messenger=failing(around.messenger, faults),
            is_open=lambda at: True,
        )

    async with AsyncExitStack() as stack:
        stand_ins = await stack.enter_async_context(StandIns(ALL_SERVICES - {Service.POSTGRES}))
        settings = _settings(stand_ins, dsn, model)
        server = await stack.enter_async_context(
            serve(settings, lambda info: Observers(), clock=clock, adjust=adjust)
        )
        connection = await asyncpg.connect(dsn, timeout=10)
        stack.push_async_callback(connection.close)
        rows = ShopRows(connection, ServiceDesk(server.pool, zone=ZONE, clock=clock))
        lane = Lane(stand_ins, server, rows, clock, faults)
        lane.clips = tuple(lane._spoken())
        yield lane


def _settings(stand_ins: StandIns, dsn: str, model: Mapping[str, object]) -> Settings:
    return Settings.model_validate(
        {
            **Settings.model_construct().model_dump(),
            "port": 0,
            "public_base_url": PUBLIC_URL,
            "transfer_number": SHOP_NUMBER,
            "outbound_allowed_numbers": tuple(PHONES.values()),
            **stand_ins.settings,
            "database_url": dsn,
            **model,
        }
    )


async def play_in_lanes(
    lanes: Sequence[Lane], scripts: Sequence[Script], repeat: int, on_call: Callable[[Played], None]
) -> list[list[Played]]:
    """Play every scenario `repeat` times, on whichever lane is free; results as the scripts are."""
    left = [(place, seed) for place in range(len(scripts)) for seed in range(repeat)]
    left.reverse()
    played: list[list[Played]] = [[] for _ in scripts]

    async def work(lane: Lane) -> None:
        while left:
            place, seed = left.pop()
            call = await lane.play(scripts[place], seed)
            played[place].append(call)
            on_call(call)

    await asyncio.gather(*(work(lane) for lane in lanes))
    return played


def for_real_time(scripts: Iterable[Script]) -> list[Script]:
    """Keep the scenarios that can be played on a real line: those in which we are called."""
    return [script for script in scripts if not script.is_outbound]


def _known_texts(script: Script) -> list[str]:
    spoken = [step.text for step in script.talk if step.verb in ("say", "interrupt", "backchannel")]
    return [text for text in (*spoken, *script.answers.values()) if "{code}" not in text]


def _length_s(call: PlacedCall) -> float:
    return len(call.record.said) / 8000
