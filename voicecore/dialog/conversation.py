"""The dialog of one call: what the model is asked, what its tools do, what may be spoken."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime

from voicecore.call.history import CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog import phrases
from voicecore.dialog.claim_guard import false_claim
from voicecore.dialog.code_words import CodeCurtain, without_codes
from voicecore.dialog.desk import CallDesk
from voicecore.dialog.greeting import greeting
from voicecore.dialog.handover_summary import handover_summary
from voicecore.dialog.instructions import context_text, state_text
from voicecore.dialog.keyterms import keyterms
from voicecore.dialog.ledger import Deed, Ledger
from voicecore.dialog.llm_request import LlmRequest
from voicecore.dialog.messages import history_messages
from voicecore.dialog.ports import Directory, Messenger, Schedule, SlotReaders
from voicecore.dialog.prompt_files import prompt_version, system_prompt
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.repair import repaired
from voicecore.dialog.safeguards import Safeguards
from voicecore.dialog.scripted import ScriptedAnswer, ScriptedAnswers
from voicecore.dialog.shop import ShopProfile
from voicecore.dialog.speakable import speakable
from voicecore.dialog.summary import summary_of
from voicecore.dialog.tool_outcome import ToolOutcome, problem
from voicecore.dialog.toolbox import Toolbox
from voicecore.dialog.tools.catalogue import TOOLS
from voicecore.dialog.tools.offers import PREFETCH_DAYS, PREFETCH_LIMIT
from voicecore.dialog.trimming import trimmed
from voicecore.dialog.workshop import Workshop

__all__ = ["Conversation", "LlmRequest", "ShopProfile", "ToolOutcome"]

PREFETCH_DEADLINE_S = 5.0
MOST_TOOLS_IN_A_ROW = 8
"""Tool calls after the caller's last words; then the model must speak."""
MOST_PROMPT_TOKENS = 9000
"""Of the messages, without the tools; about a quarter of an hour of talking."""

_log = logging.getLogger(__name__)


class Conversation:
    """The dialog of one call; the session holds one and asks it for everything in words.

    `ledger` tells what really happened, `prompt_version` which prompts the model was given.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        schedule: Schedule,
        messenger: Messenger,
        shop: ShopProfile,
        call_sid: str,
        caller_e164: str | None,
        now: Callable[[], datetime],
        workshop: Workshop | None = None,
        reminder: Reminder | None = None,
        safeguards: Safeguards | None = None,
        readers: SlotReaders | None = None,
        is_open: bool = True,
    ) -> None:
        self._desk = CallDesk(
            directory=directory,
            schedule=schedule,
            messenger=messenger,
            shop=shop,
            call_sid=call_sid,
            caller_e164=caller_e164,
            now=now,
            workshop=workshop,
            reminder=reminder,
            safeguards=safeguards,
            readers=readers,
        )
        self._toolbox = Toolbox(self._desk)
        self.curtain = CodeCurtain(self._desk.identity, self._desk.now)
        self._scripted = ScriptedAnswers(self._desk)
        self._offered: frozenset[str] = frozenset()
        self._context: str | None = None
        self._held_back = False
        self.greeting = greeting(shop, reminder, is_open=is_open)
        self.prompt_version = prompt_version()

    @property
    def ledger(self) -> Ledger:
        """What really happened on this call."""
        return self._desk.ledger

    @property
    def stats(self) -> dict[str, object]:
        """What is written down of the dialog at the end of the call, as JSON values."""
        ledger = self._desk.ledger
        return {
            "prompt_version": self.prompt_version,
            "deeds": {deed.value: ledger.count(deed) for deed in Deed if ledger.count(deed)},
            "open_wishes": [task.scenario.name for task in self._desk.agenda.open],
            "notes": list(ledger.notes),
            "messages": list(self._scripted.messages),
        }

    def request(self, history: tuple[HistoryItem, ...]) -> LlmRequest:
        """Return what the model is asked next.

        The order serves prefix caching: what never changes, what is fixed for the call, the
        history, and last the state of the moment.
        """
        state = state_text(self._desk, held_back=self._held_back)
        self._held_back = False
        everything = [
            {"role": "system", "content": system_prompt(self._desk.agenda.direction)},
            {"role": "system", "content": self._call_context()},
            *history_messages(without_codes(history, self._desk.identity.codes_sent)),
            {"role": "system", "content": state},
        ]
        messages = repaired(trimmed(everything, MOST_PROMPT_TOKENS, summary_of))
        if _tools_in_a_row(history) >= MOST_TOOLS_IN_A_ROW:
            return LlmRequest(messages, [])
        allowed = self._desk.agenda.tools(self._desk.known())
        tools = [tool for tool in self._toolbox.schemas() if tool["function"]["name"] in allowed]
        self._offered = allowed
        return LlmRequest(messages, tools)

    def scripted_answer(self, history: tuple[HistoryItem, ...]) -> ScriptedAnswer | None:
        """Return what code alone can answer while no model does; None: nothing more."""
        scripted = self._scripted.next(history)
        if scripted is not None and scripted.tool is not None:
            self._offered |= {scripted.tool[0]}
        return scripted

    def model_answered(self) -> None:
        """Note that the model gave a whole answer."""
        self._scripted.model_answered()

    def writes(self, tool_name: str) -> bool:
        """Say whether a tool changes something, so that it must not be cancelled."""
        return self._toolbox.writes(tool_name)

    async def run_tool(
        self, name: str, arguments: str, history: tuple[HistoryItem, ...]
    ) -> ToolOutcome:
        """Run a tool that the phase allows; whatever goes wrong is told in the outcome.

        Raises:
            CancelledError: the caller's turn took over; nothing was left half done by a read.
        """
        desk = self._desk
        tool = TOOLS.get(name)
        # Several calls of one answer were all offered at once: the first may end the phase.
        is_open = tool is not None and tool.rung <= desk.identity.rung
        if is_open and name not in self._offered | desk.agenda.tools(desk.known()):
            return problem("not_now", phrases.ASK_NOT_NOW.format(goal=self._goal(name)))
        outcome = await self._toolbox.run(name, arguments, history)
        if tool is not None:
            desk.agenda.observe(name, _strings(arguments), _object(outcome.content), desk.known())
        return outcome

    def review(self, sentence: str) -> str | None:
        """Return what is to be spoken for a sentence of the model; None: say nothing.

        The first false claim of a reply becomes "One moment please."; more of them are silent.
        """
        if not any(character.isalnum() for character in sentence):
            return None
        if false_claim(sentence, self._desk.ledger, self._desk.now().date()):
            self._desk.ledger.notes.append("claim_held_back")
            said_already, self._held_back = self._held_back, True
            return None if said_already else phrases.HOLD_BACK
        return speakable(sentence)

    async def prefetch(self) -> None:
        """Fetch the caller's record and the next free times; what fails is only noted."""
        try:
            async with asyncio.timeout(PREFETCH_DEADLINE_S):
                results = await asyncio.gather(
                    self._desk.load_line(), self._load_offers(), return_exceptions=True
                )
        except TimeoutError:
            self._desk.ledger.notes.append("prefetch: deadline")
            return
        for failure in results:
            if failure is not None:
                _log.warning("prefetch_failed", exc_info=failure)
                self._desk.ledger.notes.append(f"prefetch: {type(failure).__name__}")

    def keyterms(self) -> list[str]:
        """Return words that the listener should expect on this call, the most telling first."""
        return keyterms(self._desk)

    def summary(self) -> str:
        """Return what a person who takes the call over should know, as a few spoken sentences."""
        return handover_summary(self._desk)

    def taken_back(self) -> None:
        """Note that nobody took the caller over: the agent goes on, and nobody is asked again."""
        self._desk.transfer_failed = True
        self._desk.ledger.notes.append("transfer: nobody answered")

    def _goal(self, tool: str) -> str:
        """Return what has to happen before a tool can be used."""
        agenda = self._desk.agenda
        for scenario in agenda.scenarios:
            if tool in scenario.tools:
                return agenda.phase(scenario, self._desk.known()).goal
        return "it belongs to another kind of call"

    def _call_context(self) -> str:
        """Return the call's facts, frozen once the services are known, for prefix caching."""
        if self._context is not None:
            return self._context
        text = context_text(self._desk)
        if self._desk.services:
            self._context = text
        return text

    async def _load_offers(self) -> None:
        services = await self._desk.load_services()
        if services:
            await self._desk.load_slots_ahead(services[0].code, PREFETCH_DAYS, PREFETCH_LIMIT)


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _strings(arguments: str) -> dict[str, str]:
    return {name: value for name, value in _object(arguments).items() if isinstance(value, str)}


def _tools_in_a_row(history: tuple[HistoryItem, ...]) -> int:
    count = 0
    for item in reversed(history):
        if isinstance(item, CallerSaid):
            break
        count += isinstance(item, ToolUsed)
    return count
