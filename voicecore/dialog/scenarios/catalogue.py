"""All scenarios; a caller may want several of them in one call."""

from __future__ import annotations

from voicecore.dialog.scenarios.book import BOOK
from voicecore.dialog.scenarios.cancel import CANCEL
from voicecore.dialog.scenarios.details import DETAILS
from voicecore.dialog.scenarios.human import HUMAN
from voicecore.dialog.scenarios.questions import QUESTIONS
from voicecore.dialog.scenarios.reminder import REMINDER
from voicecore.dialog.scenarios.reschedule import RESCHEDULE
from voicecore.dialog.scenarios.scenario import Scenario
from voicecore.dialog.scenarios.status import STATUS

SCENARIOS = (BOOK, RESCHEDULE, CANCEL, STATUS, QUESTIONS, HUMAN, DETAILS, REMINDER)
ALWAYS = ("note_wish", "transfer_to_human", "end_call")
"""Tools that no phase takes away."""
BY_NAME: dict[str, Scenario] = {scenario.name: scenario for scenario in SCENARIOS}
