"""Sessions in Redis: each script against the race that it closes, and everything at once.

Each race is first run against the naive read-then-write, with the other connection's write in the
middle, and must be lost there.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from voicecore.net.redis_link import RedisLink, open_session_redis
from voicecore.net.session_store import (
    ENDED_TTL_S,
    SESSION_TTL_S,
    SessionStore,
    StoredSession,
    Written,
)
from voicecore.sandbox.redis import EmbeddedRedis

SID = "CA" + "0123456789abcdef" * 2
KEY = f"session:{{{SID}}}"


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[tuple[Redis, Redis]]:
    """Two workers' connections."""
    one, two = open_session_redis(redis_url), open_session_redis(redis_url)
    yield one, two
    await one.aclose()
    await two.aclose()


@pytest.fixture
def stores(clients: tuple[Redis, Redis]) -> tuple[SessionStore, SessionStore]:
    return patient(clients[0]), patient(clients[1])


def patient(client: Redis) -> SessionStore:
    """A store that waits as long as a busy machine needs: these tests are about order, not time."""
    return SessionStore(client, link=RedisLink(client, timeout_s=5))


@pytest.fixture
def store(stores: tuple[SessionStore, SessionStore]) -> SessionStore:
    return stores[0]


async def session(store: SessionStore) -> StoredSession:
    found = await store.read(SID)
    assert found is not None
    return found


async def test_a_session_is_one_hash_that_expires(
    store: SessionStore, clients: tuple[Redis, Redis]
) -> None:
    assert await store.load(SID) is None
    assert await store.read(SID) is None
    assert await store.save(SID, version=1, phase="talking", snapshot=b'{"a": 1}')
    assert await store.load(SID) == {"version": "1", "phase": "talking", "snapshot": '{"a": 1}'}
    assert await store.append_turn(SID, turn=0, body=b"hello") is Written.DONE
    assert await store.take_over(SID, owner="worker-1", seen_epoch=0) == 1
    assert await session(store) == StoredSession(
        owner="worker-1",
        epoch=1,
        phase="talking",
        version=-1,
        snapshot='{"a": 1}',
        turns={0: "hello"},
    )
    assert await clients[0].keys("*") == [KEY]
    assert SESSION_TTL_S - 5 < await clients[0].ttl(KEY) <= SESSION_TTL_S
    assert await store.save(SID, version=1, phase="ended", snapshot=b"{}", epoch=1)
    assert await store.append_turn(SID, turn=1, body=b"late", epoch=1) is Written.DONE
    assert ENDED_TTL_S - 5 < await clients[0].ttl(KEY) <= ENDED_TTL_S


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.save(SID, version=1, phase="talking", snapshot=b"{}"),
        lambda store: store.append_turn(SID, turn=0, body=b"hello"),
        lambda store: store.change_phase(SID, old="", new="talking"),
        lambda store: store.take_over(SID, owner="w", seen_epoch=0),
    ],
)
async def test_every_write_gives_the_key_a_life(
    store: SessionStore, clients: tuple[Redis, Redis], write: object
) -> None:
    assert callable(write)
    await write(store)
    assert 0 < await clients[0].ttl(KEY) <= SESSION_TTL_S


class TestSave:
    async def test_a_late_snapshot_loses(self, stores: tuple[SessionStore, SessionStore]) -> None:
        one, two = stores
        assert await two.save(SID, version=5, phase="talking", snapshot=b"newer")
        assert not await one.save(SID, version=4, phase="greeting", snapshot=b"older")
        assert not await one.save(SID, version=5, phase="greeting", snapshot=b"same")
        assert (await session(one)).snapshot == "newer"

    async def test_naively_it_would_win(self, clients: tuple[Redis, Redis]) -> None:
        one, two = clients
        held = int(await one.hget("naive", "version") or -1)
        await two.hset("naive", mapping={"version": 5, "snapshot": "newer"})
        if held < 4:
            await one.hset("naive", mapping={"version": 4, "snapshot": "older"})
        assert await one.hget("naive", "snapshot") == "older"

    async def test_of_many_at_once_the_newest_stays(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        versions = list(range(1, 101))
        random.Random(3).shuffle(versions)
        await asyncio.gather(
            *(
                stores[v % 2].save(SID, version=v, phase="talking", snapshot=b"%d" % v)
                for v in versions
            )
        )
        assert (await session(stores[0])).snapshot == "100"


class TestAppendTurn:
    async def test_a_repeated_turn_is_there_once_and_unchanged(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        one, two = stores
        assert await one.append_turn(SID, turn=3, body=b"first") is Written.DONE
        assert await one.append_turn(SID, turn=3, body=b"again") is Written.REFUSED
        assert await two.append_turn(SID, turn=3, body=b"other") is Written.REFUSED
        assert (await session(one)).turns == {3: "first"}

    async def test_naively_one_of_two_turns_is_lost(self, clients: tuple[Redis, Redis]) -> None:
        one, two = clients
        await one.set("naive", "[]")
        mine = json.loads(await one.get("naive") or "")
        theirs = json.loads(await two.get("naive") or "")
        await two.set("naive", json.dumps([*theirs, "two"]))
        await one.set("naive", json.dumps([*mine, "one"]))
        assert json.loads(await one.get("naive") or "") == ["one"]

    async def test_no_turn_is_lost_and_each_is_written_by_one(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        answers = await asyncio.gather(
            *(
                store.append_turn(SID, turn=turn, body=b"%d by %d" % (turn, number))
                for turn in range(50)
                for number, store in enumerate(stores)
            )
        )
        assert sorted(answers) == [Written.REFUSED] * 50 + [Written.DONE] * 50
        turns = (await session(stores[0])).turns
        for turn in range(50):
            winner = answers[2 * turn : 2 * turn + 2].index(Written.DONE)
            assert turns[turn] == f"{turn} by {winner}"


class TestChangePhase:
    async def test_of_two_who_change_the_same_phase_one_does(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        one, two = stores
        assert await one.change_phase(SID, old="", new="greeting") is Written.DONE
        answers = await asyncio.gather(
            *(stores[n % 2].change_phase(SID, old="greeting", new=f"p{n}") for n in range(20))
        )
        assert sorted(answers) == [Written.REFUSED] * 19 + [Written.DONE]
        assert (await session(two)).phase == f"p{answers.index(Written.DONE)}"

    async def test_naively_both_do(self, clients: tuple[Redis, Redis]) -> None:
        one, _ = clients
        await one.set("naive", "greeting")
        seen = [await client.get("naive") for client in clients]
        done = []
        for client, phase in zip(clients, seen, strict=True):
            if phase == "greeting":
                done.append(await client.set("naive", "talking"))
        assert done == [True, True]

    async def test_an_ended_session_is_kept_for_a_while_only(
        self, store: SessionStore, clients: tuple[Redis, Redis]
    ) -> None:
        await store.change_phase(SID, old="", new="ended")
        assert ENDED_TTL_S - 5 < await clients[0].ttl(KEY) <= ENDED_TTL_S


class TestTakeOver:
    async def test_of_two_who_saw_the_same_owner_one_gets_the_call(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        one, two = stores
        assert await one.take_over(SID, owner="first", seen_epoch=0) == 1
        answers = await asyncio.gather(
            *(stores[n % 2].take_over(SID, owner=f"w{n}", seen_epoch=1) for n in range(20))
        )
        assert sorted(answer or 0 for answer in answers) == [0] * 19 + [2]
        assert (await session(two)).owner == f"w{answers.index(2)}"

    async def test_naively_both_get_it(self, clients: tuple[Redis, Redis]) -> None:
        one, _ = clients
        await one.hset("naive", mapping={"owner": "first", "epoch": 1})
        seen = [int(await client.hget("naive", "epoch") or 0) for client in clients]
        for client, epoch in zip(clients, seen, strict=True):
            await client.hset("naive", mapping={"owner": f"w{id(client)}", "epoch": epoch + 1})
        assert await one.hget("naive", "epoch") == "2"
        assert seen == [1, 1]

    async def test_the_worker_that_was_frozen_is_fenced_off(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        old, new = stores
        first = await old.take_over(SID, owner="old", seen_epoch=0)
        assert first is not None
        assert await old.save(SID, version=7, phase="talking", snapshot=b"old", epoch=first)
        second = await new.take_over(SID, owner="new", seen_epoch=first)
        assert second is not None
        assert await new.save(SID, version=1, phase="talking", snapshot=b"new", epoch=second)
        assert not await old.save(SID, version=8, phase="ended", snapshot=b"old", epoch=first)
        fenced = Written.FENCED
        assert await old.append_turn(SID, turn=9, body=b"old", epoch=first) is fenced
        assert await old.change_phase(SID, old="talking", new="ended", epoch=first) is fenced
        assert await old.append_turn(SID, turn=9, body=b"nobody's") is fenced
        found = await session(new)
        assert (found.owner, found.snapshot, found.phase) == ("new", "new", "talking")
        assert found.turns == {}

    async def test_repeating_it_is_safe_until_somebody_else_takes_over(
        self, stores: tuple[SessionStore, SessionStore]
    ) -> None:
        one, two = stores
        assert await one.take_over(SID, owner="one", seen_epoch=0) == 1
        assert await one.take_over(SID, owner="one", seen_epoch=0) == 1
        assert await two.take_over(SID, owner="two", seen_epoch=1) == 2
        assert await one.take_over(SID, owner="one", seen_epoch=0) is None

    async def test_a_redis_that_came_back_empty_learns_the_epoch_from_its_writers(
        self, stores: tuple[SessionStore, SessionStore], clients: tuple[Redis, Redis]
    ) -> None:
        old, new = stores
        await clients[0].flushall()
        assert await new.append_turn(SID, turn=4, body=b"new", epoch=6) is Written.DONE
        assert await old.append_turn(SID, turn=5, body=b"old", epoch=5) is Written.FENCED
        assert await new.take_over(SID, owner="third", seen_epoch=6) == 7


class Model:
    """What has been written to 25 calls, by the answers that the writers got."""

    calls = 25

    def __init__(self) -> None:
        self.turns: list[dict[int, str]] = [{} for _ in range(self.calls)]
        self.phases: list[list[tuple[str, str]]] = [[] for _ in range(self.calls)]
        self.owners: list[dict[int, str]] = [{} for _ in range(self.calls)]
        self.counts: dict[Written, int] = dict.fromkeys(Written, 0)

    async def update(self, store: SessionStore, chance: random.Random, name: str) -> None:
        """Do one random operation; `name` is that of this very attempt."""
        call = chance.randrange(self.calls)
        sid = f"CA{call:032x}"
        seen = await store.read(sid)
        epoch, phase = (seen.epoch, seen.phase) if seen else (0, "")
        match chance.randrange(10):
            case 0:
                new_epoch = await store.take_over(sid, owner=name, seen_epoch=epoch)
                if new_epoch is not None:
                    assert new_epoch not in self.owners[call]
                    self.owners[call][new_epoch] = name
            case 1 | 2:
                answer = await store.change_phase(sid, old=phase, new=name, epoch=epoch)
                self.counts[answer] += 1
                if answer is Written.DONE:
                    self.phases[call].append((phase, name))
            case _:
                turn = chance.randrange(2000)
                answer = await store.append_turn(sid, turn=turn, body=name.encode(), epoch=epoch)
                self.counts[answer] += 1
                if answer is Written.DONE:
                    assert turn not in self.turns[call]
                    self.turns[call][turn] = name

    async def compare(self, store: SessionStore) -> None:
        """Fail for every update that Redis holds otherwise, or not at all."""
        for call in range(self.calls):
            found = await store.read(f"CA{call:032x}")
            assert found is not None
            assert found.turns == self.turns[call]
            # The phases that were changed make one chain: each went from where another arrived.
            assert chained(self.phases[call]) == found.phase
            epochs = sorted(self.owners[call])
            assert epochs == list(range(1, len(epochs) + 1))
            assert found.epoch == len(epochs)
            assert found.owner == self.owners[call].get(found.epoch, "")


async def test_ten_thousand_updates_from_twenty_connections_lose_nothing(redis_url: str) -> None:
    """Random operations; what Redis holds at the end is what a model counted."""
    model = Model()
    chance = random.Random(20)

    async def work(name: str) -> None:
        client = open_session_redis(redis_url)
        store = patient(client)
        for number in range(500):
            await model.update(store, chance, f"{name}.{number}")
        await client.aclose()

    await asyncio.gather(*(work(f"w{n}") for n in range(20)))
    assert model.counts[Written.UNKNOWN] == 0
    assert model.counts[Written.FENCED] > 0
    assert model.counts[Written.DONE] > 5000
    client = open_session_redis(redis_url)
    await model.compare(patient(client))
    await client.aclose()


def chained(changes: list[tuple[str, str]]) -> str:
    """Follow every change once from the first phase; fails where two left the same one."""
    following = dict(changes)
    assert len(following) == len(changes)
    phase = ""
    for _ in range(len(changes)):
        phase = following.pop(phase)
    assert not following
    return phase


@pytest.mark.parametrize(
    "spoil",
    [
        ("SET", KEY, "text"),
        ("RPUSH", KEY, "a"),
        ("HSET", KEY, "epoch", "x", "version", "y", "phase", "z", "turn:one", "t"),
        ("HSET", KEY, "epoch", "", "version", b"\xff\xfe", "snapshot", b"\x80"),
    ],
)
async def test_garbage_under_the_key_is_no_session_and_no_obstacle(
    store: SessionStore,
    clients: tuple[Redis, Redis],
    redis_server: EmbeddedRedis,
    spoil: tuple[str | bytes, ...],
) -> None:
    if redis_server.kind == "fakeredis":
        pytest.skip("fakeredis hangs up where Redis answers with an error")
    await clients[0].execute_command(*spoil)
    assert await store.read(SID) is None
    assert await store.take_over(SID, owner="w", seen_epoch=0) == 1
    assert await store.save(SID, version=1, phase="talking", snapshot=b"{}", epoch=1)
    assert await store.append_turn(SID, turn=1, body=b"t", epoch=1) is Written.DONE
    await store.load(SID)
    assert await store.ping()


TEXT = st.text(st.characters(), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sid=TEXT, text=TEXT, body=st.binary(max_size=40))
async def test_no_string_breaks_a_session(
    store: SessionStore, clients: tuple[Redis, Redis], sid: str, text: str, body: bytes
) -> None:
    await clients[0].flushall()
    epoch = await store.take_over(sid, owner=text, seen_epoch=0)
    assert epoch == 1
    assert await store.take_over(sid, owner=text, seen_epoch=0) == 1
    assert await store.change_phase(sid, old="", new=text, epoch=1) is Written.DONE
    assert await store.change_phase(sid, old=text, new="talking", epoch=1) is Written.DONE
    assert await store.save(sid, version=1, phase=text, snapshot=body, epoch=1)
    assert await store.append_turn(sid, turn=1, body=body, epoch=1) is Written.DONE
    found = await store.read(sid)
    assert found is not None
    expected = text.encode("utf-8", "replace").decode()
    assert (found.owner, found.phase) == (expected, expected)
    assert found.snapshot == found.turns[1] == body.decode("utf-8", "replace")
    (key,) = await clients[0].keys("*")
    assert key.startswith("session:{")
    assert key.endswith("}")
    assert key.count("{") == key.count("}") == 1
