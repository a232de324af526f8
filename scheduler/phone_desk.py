"""What Twilio reports: written down first, then acted upon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from crm.phone_facts import (
    AnswerFacts,
    CallFacts,
    CallProgressFacts,
    IncomingTextFacts,
    MessageStatusFacts,
    StreamFacts,
)
from crm.phone_reports import PhoneReports

ReasonT = TypeVar("ReasonT")


class PlacedCalls(Protocol):
    """Whoever follows the calls that we place; may be told twice, and in any order."""

    async def call_status(self, call_sid: str, status: str) -> None:
        """A call has come so far."""
        ...

    async def answered_by(self, call_sid: str, verdict: str) -> None:
        """A person or a machine has picked up."""
        ...

    async def person_called(self, call_sid: str, attempt_id: int) -> tuple[int, str, str] | None:
        """Return appointment, number and first name behind a call; None: not placed by us."""
        ...


class TextAnswers(Protocol):
    """Whoever answers texts; may be asked the same twice."""

    async def __call__(self, message: IncomingTextFacts) -> str:
        """Return what is texted back; empty: nothing."""
        ...


class PhoneDesk(Generic[ReasonT]):
    """Hands every report to the records, and what concerns calls of ours to who placed them.

    `reason` makes what the engine is told of a call of ours from appointment, number and first
    name.
    """

    __slots__ = ("_answers", "_placed", "_reason", "_reports")

    def __init__(
        self,
        reports: PhoneReports,
        *,
        placed: PlacedCalls,
        reason: Callable[[int, str, str], ReasonT],
        answers: TextAnswers | None = None,
    ) -> None:
        self._reports = reports
        self._placed = placed
        self._reason = reason
        self._answers = answers

    async def call_arrived(self, call: CallFacts) -> None:
        """Take down a call when it arrives."""
        await self._reports.call_arrived(call)

    async def knows_call(self, call_sid: str) -> bool:
        """Tell whether a call was ever taken down, or placed."""
        return await self._reports.knows_call(call_sid)

    async def call_status(self, progress: CallProgressFacts) -> bool:
        """Take down how far a call is; False: it is unknown."""
        known = await self._reports.call_status(progress)
        if known:
            await self._placed.call_status(progress.call_sid, progress.status)
        return known

    async def answered_by(self, answer: AnswerFacts) -> bool:
        """Take down who picked up; False: the call is unknown."""
        known = await self._reports.answered_by(answer)
        if known:
            await self._placed.answered_by(answer.call_sid, answer.verdict)
        return known

    async def stream_status(self, progress: StreamFacts) -> bool:
        """Take down how far a media stream is; False: the call is unknown."""
        return await self._reports.stream_status(progress)

    async def message_status(self, progress: MessageStatusFacts) -> bool:
        """Take down what became of a text of ours; False: it is unknown."""
        return await self._reports.message_status(progress)

    async def message_in(self, message: IncomingTextFacts) -> str:
        """Take down a text to us; return what is texted back, empty: nothing."""
        await self._reports.message_in(message)
        return "" if self._answers is None else await self._answers(message)

    async def outbound_call(self, call_sid: str, attempt: int) -> ReasonT | None:
        """Return why a call was placed; None: it was not placed by us."""
        found = await self._placed.person_called(call_sid, attempt)
        return None if found is None else self._reason(*found)
