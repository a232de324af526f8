"""One reply of the agent: its segments, its tool calls, and what the history says of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from voicecore.call.events import HangupCause
from voicecore.call.heard import Heard, heard_text
from voicecore.call.history import AgentSaid, HistoryItem, ToolUsed
from voicecore.call.mark_queue import MarkQueue, SegmentState

READ_CANCELLED = (
    '{"error": "cancelled: the caller spoke", "ask": "call the tool again if still needed"}'
)
NEVER_RUN = '{"error": "not run: the request was cut off", "ask": "call the tool again"}'
NO_ANSWER = '{"error": "no answer in time; the outcome is unknown", "ask": "do not claim success"}'
STILL_RUNNING = '{"status": "still running; the outcome is not known yet"}'


class ReplyKind(Enum):
    """Who wrote the reply."""

    GREETING = "greeting"
    ANSWER = "answer"
    """The model, to what the caller said."""
    PHRASE = "phrase"
    """The reducer, from `Phrases`."""


class ToolState(Enum):
    """How far a tool call got."""

    REQUESTED = "requested"
    RUNNING = "running"
    ANSWERED = "answered"
    """It has the result that the model reads: the tool's own, or an error of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One request of the model; `content` and `ok` are the answer once there is one."""

    call_id: str
    name: str
    arguments: str
    writes: bool
    tool_round: int
    state: ToolState = ToolState.REQUESTED
    content: str = ""
    ok: bool = False

    @property
    def takes_result(self) -> bool:
        """Whether a result that comes now is to be kept: a fact of a write never comes too late."""
        if self.state is ToolState.RUNNING:
            return True
        return self.writes and self.state is ToolState.ANSWERED and self.content == NO_ANSWER

    def answered(self, content: str, *, ok: bool) -> ToolCall:
        """Return the call with its result."""
        return replace(self, state=ToolState.ANSWERED, content=content, ok=ok)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the call ends once the reply was heard; `can_be_called_off` by the caller's words."""

    cause: HangupCause
    can_be_called_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One turn of the agent, running or past.

    `asked`: the model was asked for the current round. `streaming`: its answer has not ended.
    `started`: audio went out to the caller. `cut`: the caller interrupted it; `played_ms` is then
    how much of its audio they heard, None while that is not known. `truncated`: more would have
    followed, had it not been cut.
    """

    turn: int
    kind: ReplyKind
    queue: MarkQueue = field(default_factory=MarkQueue)
    tools: tuple[ToolCall, ...] = ()
    tool_round: int = 0
    asked: bool = False
    streaming: bool = False
    started: bool = False
    filled: bool = False
    cut: bool = False
    truncated: bool = False
    played_ms: int | None = None
    ending: Ending | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the model or a tool still has to answer."""
        return self.streaming or self.has_open_tools or self.is_unasked

    @property
    def is_unasked(self) -> bool:
        """Whether the model is still to be asked, once earlier writes are done."""
        return self.kind is ReplyKind.ANSWER and not self.asked

    @property
    def has_open_tools(self) -> bool:
        """Whether a tool call of this reply has no result."""
        return any(call.state is not ToolState.ANSWERED for call in self.tools)

    @property
    def running_tools(self) -> tuple[ToolCall, ...]:
        """The tools at work now."""
        return tuple(call for call in self.tools if call.state is ToolState.RUNNING)

    @property
    def has_begun_write(self) -> bool:
        """Whether a tool that changes something was started."""
        return any(call.writes and call.state is not ToolState.REQUESTED for call in self.tools)

    @property
    def round_has_text(self) -> bool:
        """Whether the model said something since its last tool calls."""
        return any(
            segment.is_reply and segment.tool_round == self.tool_round
            for segment in self.queue.segments
        )

    @property
    def text(self) -> str:
        """Everything it says, heard or not."""
        return " ".join(segment.text for segment in self.queue.segments)

    def heard(self) -> Heard:
        """Return what the caller heard of it, fillers included."""
        return heard_text(self.queue.spoken(), self.played_ms)

    def with_tool(self, changed: ToolCall) -> Reply:
        """Replace the tool call of the same id and round."""
        return replace(
            self,
            tools=tuple(
                changed
                if (call.call_id, call.tool_round) == (changed.call_id, changed.tool_round)
                else call
                for call in self.tools
            ),
        )

    def cut_off(self, played_ms: int | None) -> Reply:
        """Return it as it goes into the past when it ends before its time."""
        return replace(self.stopped(), cut=True, truncated=self.is_waiting, played_ms=played_ms)

    def stopped(self) -> Reply:
        """Return it as it is once nobody works on it any more.

        Requests that never ran are forgotten, running reads are answered with an error, running
        writes go on.
        """
        tools = tuple(
            call.answered(READ_CANCELLED, ok=False)
            if call.state is ToolState.RUNNING and not call.writes
            else call
            for call in self.tools
            if call.state is not ToolState.REQUESTED
        )
        return replace(self, tools=tools, streaming=False, asked=True)

    def items(self, *, assume_heard: bool = False) -> Iterator[HistoryItem]:
        """Yield the history of this reply: for each round what was heard, then the tools.

        With `assume_heard` words on their way count as heard: the model must know what it has
        said already when it goes on within the same turn.
        """
        for tool_round in range(self.tool_round + 1):
            yield from self._said(tool_round, assume_heard=assume_heard)
            for call in self.tools:
                if call.tool_round == tool_round and call.state is not ToolState.REQUESTED:
                    content = call.content or STILL_RUNNING
                    yield ToolUsed(
                        self.turn, call.call_id, call.name, call.arguments, content, call.ok
                    )

    def _said(self, tool_round: int, *, assume_heard: bool) -> Iterator[AgentSaid]:
        chosen = [
            (segment, spoken)
            for segment, spoken in zip(self.queue.segments, self.queue.spoken(), strict=True)
            if segment.is_reply and segment.tool_round == tool_round
        ]
        is_open = tool_round == self.tool_round and (self.streaming or self.truncated)
        if assume_heard:
            texts = (seg.text for seg, _ in chosen if seg.state is not SegmentState.FAILED)
            heard = Heard(" ".join(texts), True)
            is_open = False
        else:
            heard = heard_text([spoken for _, spoken in chosen], self.played_ms)
        if heard.text:
            yield AgentSaid(self.turn, heard.text, heard.complete and not is_open)
