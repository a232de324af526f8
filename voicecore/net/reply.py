"""One answer of the language model: its stream turned into events of the call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from voicecore.call.events import Event, ReplyFailed, ReplyFinished, SentenceReady, ToolRequested
from voicecore.call.history import HistoryItem
from voicecore.dialog.conversation import Conversation
from voicecore.dialog.expectation import expected_answer
from voicecore.dialog.sentences import SentenceSplitter
from voicecore.errors import LlmError
from voicecore.net.llm import Finished, LlmStream, TextDelta, ToolCallReady


async def stream_reply(
    turn: int,
    history: tuple[HistoryItem, ...],
    *,
    conversation: Conversation,
    llm: LlmStream,
    clock: Callable[[], float],
    emit: Callable[[Event], None],
    on_first_text: Callable[[int], None],
) -> None:
    """Run the model once for `turn`; emits sentences, tool requests and the end, in that order.

    Every sentence has passed the claim guard. A failure becomes `ReplyFailed`. The end tells what
    kind of answer the words that were spoken ask for.
    """
    splitter = SentenceSplitter()
    spoken: list[str] = []

    def say(pieces: list[str]) -> None:
        for piece in pieces:
            text = conversation.review(piece)
            if text:
                spoken.append(text)
                emit(SentenceReady(clock(), turn, text))

    try:
        async with aclosing(llm.stream(conversation.request(history))) as deltas:
            async for delta in deltas:
                match delta:
                    case TextDelta(text):
                        on_first_text(turn)
                        say(splitter.feed(text))
                    case ToolCallReady(call_id, name, arguments):
                        writes = conversation.writes(name)
                        emit(ToolRequested(clock(), turn, call_id, name, arguments, writes))
                    case Finished(finish):
                        say(splitter.finish())
                        expecting = expected_answer(" ".join(spoken))
                        emit(ReplyFinished(clock(), turn, finish, expecting))
    except LlmError as error:
        say(splitter.finish())
        emit(ReplyFailed(clock(), turn, error.reason))
