"""One answer of the language model: its stream turned into events of the call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from voicecore.call.events import (
    Event,
    Finish,
    ReplyFailed,
    ReplyFinished,
    SentenceReady,
    ToolRequested,
)
from voicecore.call.history import HistoryItem
from voicecore.dialog.conversation import Conversation
from voicecore.dialog.expectation import expected_answer
from voicecore.dialog.sentences import SentenceSplitter
from voicecore.errors import LlmError
from voicecore.net.llm import Finished, LlmStream, TextDelta, ToolCallReady
from voicecore.net.llm_attempt import AttemptSink


async def stream_reply(
    turn: int,
    history: tuple[HistoryItem, ...],
    *,
    conversation: Conversation,
    llm: LlmStream,
    clock: Callable[[], float],
    emit: Callable[[Event], None],
    on_first_text: Callable[[int], None],
    on_attempt: AttemptSink = lambda attempt: None,
) -> None:
    """Run the model once for `turn`; emits sentences, tool requests and the end, in that order.

    Every sentence has passed the claim guard. The end tells what kind of answer the words that
    were spoken ask for. Where no model answers, code does; `ReplyFailed` means that an answer
    broke off, or that code has nothing more to say either.
    """
    told = _Told(turn, conversation, clock, emit)
    try:
        stream = llm.stream(conversation.request(history), on_attempt=on_attempt)
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                match delta:
                    case TextDelta(text):
                        on_first_text(turn)
                        told.text(text)
                    case ToolCallReady(call_id, name, arguments):
                        told.tool(call_id, name, arguments)
                    case Finished(finish):
                        told.end_of_text()
                        conversation.model_answered()
                        told.finish(finish)
    except LlmError as error:
        told.end_of_text()
        scripted = None if told.spoken else conversation.scripted_answer(history)
        if scripted is None:
            emit(ReplyFailed(clock(), turn, error.reason))
        elif scripted.tool is not None:
            told.tool(f"scripted_{turn}_{len(history)}", *scripted.tool)
            told.finish(Finish.TOOL_CALLS)
        else:
            on_first_text(turn)
            told.text(scripted.text)
            told.end_of_text()
            told.finish(Finish.STOP)


class _Told:
    """Tells the call what an answer holds; `spoken` are the words that passed the guard."""

    def __init__(
        self,
        turn: int,
        conversation: Conversation,
        clock: Callable[[], float],
        emit: Callable[[Event], None],
    ) -> None:
        self.spoken: list[str] = []
        self._turn = turn
        self._conversation = conversation
        self._clock = clock
        self._emit = emit
        self._splitter = SentenceSplitter()

    def text(self, delta: str) -> None:
        self._say(self._splitter.feed(delta))

    def end_of_text(self) -> None:
        self._say(self._splitter.finish())

    def tool(self, call_id: str, name: str, arguments: str) -> None:
        writes = self._conversation.writes(name)
        self._emit(ToolRequested(self._clock(), self._turn, call_id, name, arguments, writes))

    def finish(self, finish: Finish) -> None:
        expecting = expected_answer(" ".join(self.spoken))
        self._emit(ReplyFinished(self._clock(), self._turn, finish, expecting))

    def _say(self, pieces: list[str]) -> None:
        for piece in pieces:
            text = self._conversation.review(piece)
            if text:
                self.spoken.append(text)
                self._emit(SentenceReady(self._clock(), self._turn, text))
