from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import MARIA, NOW, VICTIM, world
from voicecore.dialog.identity import Rung
from voicecore.dialog.toolbox import Toolbox
from voicecore.dialog.tools.authority import LEAST_RUNG
from voicecore.dialog.tools.catalogue import TOOLS, Tool
from voicecore.sandbox.openai_requests import check_request

PHONE = "three one two five five five oh one four two"


async def test_tools_depend_on_the_rung() -> None:
    hand = DeskHand(world())
    names = {tool["function"]["name"] for tool in hand.world.conversation.request(()).tools}
    assert "book_appointment" not in names
    assert {"lookup_customer", "get_available_slots", "end_call"} <= names
    await hand.use("lookup_customer", phone=PHONE)
    names = {tool["function"]["name"] for tool in hand.world.conversation.request(()).tools}
    assert {"service_status", "get_vehicle_info"} <= names
    assert "book_appointment" not in names, "no time was offered yet"
    await hand.offer()
    names = {tool["function"]["name"] for tool in hand.world.conversation.request(()).tools}
    assert "book_appointment" in names


def test_the_vendor_takes_every_schema() -> None:
    tools = [tool.schema() for tool in TOOLS.values()]
    messages = [{"role": "user", "content": "hi"}]
    check_request({"model": "m", "messages": messages, "tools": tools}, ["m"])


@pytest.mark.parametrize("name", [name for name, tool in TOOLS.items() if tool.rung > 0])
async def test_below_its_rung_a_tool_tells_only_what_to_ask(name: str) -> None:
    hand = DeskHand(world())
    fields = {field.name: (*field.choices, "appointment_1")[0] for field in TOOLS[name].fields}
    result = await hand.use(name, **fields)
    assert result["error"] == "not_identified"
    assert "phone number" in result["ask"]


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("drop_tables", "{}", "unknown_tool"),
        ("lookup_customer", "{", "bad_arguments"),
        ("lookup_customer", "{}", "bad_arguments"),
        ("lookup_customer", '{"phone": "1", "customer_id": 2}', "bad_arguments"),
        (
            "get_available_slots",
            '{"service": "oil_change", "part_of_day": "night"}',
            "bad_arguments",
        ),
    ],
)
async def test_nonsense_is_answered_with_what_to_do(name: str, arguments: str, error: str) -> None:
    outcome = await world().conversation.run_tool(name, arguments, ())
    assert not outcome.ok
    assert json.loads(outcome.content)["error"] == error
    assert json.loads(outcome.content)["ask"]


async def test_a_broken_port_is_an_outcome_and_a_note() -> None:
    hand = DeskHand(world(caller=None))
    hand.world.directory.failure = RuntimeError("database is on fire")
    result = await hand.use("lookup_customer", phone=PHONE, name="Lopez")
    assert result["error"] == "failed"
    assert "fire" not in json.dumps(result)
    assert hand.world.conversation.ledger.notes == ["lookup_customer: RuntimeError"]


async def test_a_timeout_of_the_port_itself_counts_as_the_deadline() -> None:
    hand = DeskHand(world(caller=None))
    hand.world.directory.failure = TimeoutError()
    assert (await hand.use("lookup_customer", phone=PHONE, name="Lopez"))["error"] == "deadline"


async def test_a_slow_port_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tool, "deadline_s", 0.05)
    hand = DeskHand(world(caller=None))
    hand.world.directory.delay_s = 5.0
    assert (await hand.use("lookup_customer", phone=PHONE, name="Lopez"))["error"] == "deadline"


async def test_a_cancelled_read_is_cancelled() -> None:
    hand = DeskHand(world(caller=None))
    hand.world.directory.delay_s = 5.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await hand.use("lookup_customer", phone=PHONE, name="Lopez")


async def test_after_forty_tool_calls_the_model_is_told_to_answer() -> None:
    hand = DeskHand(world())
    for _ in range(40):
        await hand.use("get_available_slots", service="oil_change")
    assert (await hand.use("end_call"))["error"] == "too_many_tool_calls"


def test_every_tool_has_its_row_in_the_table_of_rights_and_every_row_its_tool() -> None:
    assert set(LEAST_RUNG) == set(TOOLS)
    with pytest.raises(KeyError):
        _ = replace(TOOLS["end_call"], name="without_a_row").rung


def test_no_tool_takes_a_customer_or_an_id() -> None:
    names = {field.name for tool in TOOLS.values() for field in tool.fields}
    assert not any("customer" in name or name.endswith("id") for name in names)
    assert "code" not in names


@pytest.mark.parametrize("name", TOOLS)
async def test_a_tool_runs_from_its_rung_on_and_is_offered_from_there(name: str) -> None:
    """Whether it then has enough to work with is another matter."""
    for rung in Rung:
        desk = world().conversation._desk
        desk.identity.rung = rung
        toolbox = Toolbox(desk)
        offered = {tool["function"]["name"] for tool in toolbox.schemas()}
        assert (name in offered) == (rung >= LEAST_RUNG[name])
        if rung < LEAST_RUNG[name]:
            fields = {field.name: (*field.choices, "x_1")[0] for field in TOOLS[name].fields}
            outcome = await toolbox.run(name, json.dumps(fields), ())
            assert json.loads(outcome.content)["error"] == "not_identified"


def test_which_tools_write() -> None:
    conversation = world().conversation
    assert conversation.writes("book_appointment")
    assert not conversation.writes("lookup_customer")
    assert not conversation.writes("no_such_tool")


VALUES = st.sampled_from(
    (
        *("vehicle_1", "vehicle_2", "slot_1", "appointment_1", "appointment_2", "customer_2"),
        *("three one two five five five oh one seven seven", "+13125550177", "Zebra", "ZZZ9998"),
        *("oil_change", "2026-11-27", "500", "501", "99", "6666", "null", "' OR 1=1"),
    )
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    tool = draw(st.sampled_from(list(TOOLS.values())))
    return tool.name, {field.name: draw(VALUES) for field in tool.fields}


@given(st.lists(calls(), min_size=1, max_size=8))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_tool_call_reaches_another_customers_rows(
    script: list[tuple[str, dict[str, Any]]],
) -> None:
    """Maria's line asks for everything with the victim's phone, ids and handles."""

    async def play() -> None:
        hand = DeskHand(world())
        stolen = hand.world.schedule.add(VICTIM, NOW.replace(day=27, hour=9))
        await hand.use("lookup_customer", phone=PHONE)
        for name, arguments in script:
            result = await hand.use(name, **arguments)
            assert "anary" not in json.dumps(result)
            assert "Zebrawood" not in json.dumps(result)
        assert hand.world.schedule.booked[stolen.appointment_id] == stolen
        owners = {entry.customer_id for entry in hand.world.schedule.booked.values()}
        assert owners <= {MARIA.customer.customer_id, VICTIM.customer.customer_id}
        assert all(to == MARIA.customer.phone_e164 for to, _ in hand.world.messenger.sent)

    asyncio.run(play())
