"""One answer of the model as events of the call, against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.net.shop import MARIA, OneBay, OneCustomer, SentTexts
from voicecore.call.events import Event, ReplyFinished, SentenceReady
from voicecore.call.expecting import Expecting
from voicecore.call.history import CallerSaid, HistoryItem
from voicecore.dialog.conversation import Conversation, ShopProfile
from voicecore.net.llm import LlmStream, LlmTimeouts
from voicecore.net.reply import stream_reply
from voicecore.sandbox.openai import OpenAiSandbox
from voicecore.sandbox.openai_reply import Reply

HELLO = (CallerSaid(1, "Hello."),)


@pytest.fixture
async def sandbox() -> AsyncIterator[OpenAiSandbox]:
    async with OpenAiSandbox(policy=lambda messages, tools: Reply("Hi.")) as server:
        yield server


@pytest.fixture
async def llm(sandbox: OpenAiSandbox) -> AsyncIterator[LlmStream]:
    timeouts = LlmTimeouts(connect_s=5.0, first_token_s=5.0, between_chunks_s=5.0)
    client = LlmStream(
        api_key=sandbox.api_key, base_url=sandbox.base_url, model="gpt-4o", timeouts=timeouts
    )
    yield client
    await client.aclose()


@pytest.fixture
def conversation() -> Conversation:
    return Conversation(
        directory=OneCustomer(),
        schedule=OneBay(),
        messenger=SentTexts(),
        shop=ShopProfile("Ace", "America/Chicago", "1 Main Street", ""),
        call_sid="CA1",
        caller_e164=MARIA,
        now=lambda: datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
    )


async def events_of(
    conversation: Conversation, llm: LlmStream, history: tuple[HistoryItem, ...] = HELLO
) -> list[Event]:
    events: list[Event] = []
    await stream_reply(
        1,
        history,
        conversation=conversation,
        llm=llm,
        clock=lambda: 100.0,
        emit=events.append,
        on_first_text=lambda turn: None,
    )
    return events


@pytest.mark.parametrize(
    ("says", "expecting"),
    [
        ("Sure. What is the phone number on your account?", Expecting.PHONE),
        ("Thursday at two p.m. Shall I book it?", Expecting.YES_NO),
        ("Could you read me the VIN?", Expecting.VIN),
        ("We open at eight.", None),
    ],
)
async def test_the_end_tells_what_the_last_question_asks_for(
    sandbox: OpenAiSandbox,
    llm: LlmStream,
    conversation: Conversation,
    says: str,
    expecting: Expecting | None,
) -> None:
    sandbox.policy = lambda messages, tools: Reply(says)
    *said, end = await events_of(conversation, llm)
    assert " ".join(event.text for event in said if isinstance(event, SentenceReady)) == says
    assert isinstance(end, ReplyFinished)
    assert end.expecting is expecting
