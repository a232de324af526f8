"""A whole call without audio: the conversation, the model's stream and the stand-in behind it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from tests.dialog.shop_world import World
from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.sentences import SentenceSplitter
from voicecore.net.llm import Finished, LlmStream, LlmTimeouts, TextDelta, ToolCallReady
from voicecore.sandbox.openai import OpenAiSandbox

MOST_ROUNDS = 12


class TextCall:
    """Speaks with the agent in text; everything the agent says is heard unless cut off."""

    def __init__(self, world: World, llm: LlmStream) -> None:
        self.world = world
        self.llm = llm
        self.history: tuple[HistoryItem, ...] = ()
        self.turn = 0
        self.ended = False
        self.transferred = False
        self.tools: list[str] = []

    async def start(self) -> None:
        """Ring, prefetch and greet."""
        await self.world.conversation.prefetch()
        self._add(AgentSaid(0, self.world.conversation.greeting, complete=True))

    async def say(self, text: str, *, hear_words: int | None = None) -> str:
        """Say something; returns what the agent answered.

        `hear_words`: the caller cuts the answer off after so many words.
        """
        self.turn += 1
        self._add(CallerSaid(self.turn, text))
        spoken: list[str] = []
        for _ in range(MOST_ROUNDS):
            words, calls = await self._reply()
            if words:
                heard, complete = " ".join(words), True
                spoken += words
                if hear_words is not None:
                    heard, complete = " ".join(heard.split()[:hear_words]), False
                self._add(AgentSaid(self.turn, heard, complete))
                if not complete:
                    return " ".join(spoken)
            for call in calls:
                await self._run(call)
            if not calls:
                return " ".join(spoken)
        raise AssertionError("the model never stopped calling tools")

    async def _reply(self) -> tuple[list[str], list[ToolCallReady]]:
        splitter = SentenceSplitter()
        conversation = self.world.conversation
        pieces: list[str] = []
        calls: list[ToolCallReady] = []
        async for delta in self.llm.stream(conversation.request(self.history)):
            match delta:
                case TextDelta():
                    pieces += splitter.feed(delta.text)
                case ToolCallReady():
                    calls.append(delta)
                case Finished():
                    pieces += splitter.finish()
        reviewed = [conversation.review(piece) for piece in pieces]
        return [text for text in reviewed if text], calls

    async def _run(self, call: ToolCallReady) -> None:
        outcome = await self.world.conversation.run_tool(call.name, call.arguments, self.history)
        self.tools.append(call.name)
        self.ended = self.ended or outcome.ends_call
        self.transferred = self.transferred or outcome.transfer
        self._add(
            ToolUsed(
                self.turn, call.call_id, call.name, call.arguments, outcome.content, outcome.ok
            )
        )

    def _add(self, item: HistoryItem) -> None:
        self.history = (*self.history, item)


def client(sandbox: OpenAiSandbox, **timeouts: float) -> LlmStream:
    """An `LlmStream` for the stand-in, with short timeouts where given."""
    return LlmStream(
        api_key=sandbox.api_key,
        base_url=sandbox.base_url,
        model="gpt-4o",
        fallback_model="gpt-4o-mini",
        timeouts=LlmTimeouts(**timeouts),
    )


@contextlib.asynccontextmanager
async def text_call(world: World, sandbox: OpenAiSandbox | None = None) -> AsyncIterator[TextCall]:
    """Open a call with a stand-in model of its own, or with the one given (not started)."""
    async with sandbox or OpenAiSandbox() as server:
        llm = client(server)
        try:
            call = TextCall(world, llm)
            await call.start()
            yield call
        finally:
            await llm.aclose()
