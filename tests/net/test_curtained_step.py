"""A code that was texted reaches neither observers nor journal nor snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import world
from tests.net.shop import MemoryJournal
from tests.net.test_scribe import INFO, MemoryStore
from voicecore.call.commands import AskLlm, CancelSpeech
from voicecore.call.events import CallStarted, DigitPressed, FinalWords, InterimWords
from voicecore.call.history import CallerSaid
from voicecore.net.guarded_observer import GuardedObserver
from voicecore.net.scribe import Scribe
from voicecore.ops.flight_log import FlightLog

BEFORE = InterimWords(0.5, "It's 312 555 0142", 0.0)


async def test_nobody_who_writes_the_call_down_sees_the_code() -> None:
    hand = DeskHand(world())
    flight, journal, store = FlightLog(), MemoryJournal(), MemoryStore()
    curtain = hand.world.conversation.curtain
    observer = GuardedObserver(lambda _: flight, INFO, curtain)
    scribe = Scribe(INFO, store=store, journal=journal, curtain=curtain)  # type: ignore[arg-type]
    observer.stepped(BEFORE, ())
    await hand.identify()
    await hand.use("update_customer_info", email="new@example.com")
    (code,) = hand.world.conversation._desk.identity.codes_sent
    spoken = " ".join(code)
    for event in (
        InterimWords(1.0, f"It's {spoken[:5]}", 0.0),
        FinalWords(2.0, f"It's {spoken}, thanks.", 0.0, speech_final=True),
        *(DigitPressed(3.0, digit) for digit in code),
    ):
        observer.stepped(event, ())
    hand.hear(f"It's {spoken}, thanks.")
    observer.stepped(CallStarted(4.0), (AskLlm(2, hand.history), CancelSpeech(1)))
    await hand.use("update_customer_info", email="new@example.com")
    hand.hear(f"So {code} was right?")
    hand.hear("At 2:30, please.")
    scribe.history_changed(hand.history, "thinking")
    scribe.close()
    await scribe.run()
    observer.ended(5.0, hand.history)

    assert hand.world.directory.people[0].customer.email == "new@example.com"
    seen: list[Any] = [flight.steps, flight.history, journal.turns, store.saved]
    text = json.dumps(seen, default=repr)
    assert code not in text and spoken not in text and spoken[:5] not in text
    assert BEFORE in [step.event for step in flight.steps], "only a code is hidden"
    assert [step.event.digit for step in flight.steps if isinstance(step.event, DigitPressed)] == [
        "0"
    ] * 6
    said = [item.text for item in flight.history if isinstance(item, CallerSaid)]
    assert said == ["It's 0 0 0 0 0 0, thanks.", "So 000000 was right?", "At 2:30, please."]


async def test_without_a_code_everything_is_passed_on_as_it_is() -> None:
    hand = DeskHand(world())
    hand.hear("407215")
    curtain = hand.world.conversation.curtain
    assert curtain.history(hand.history) is hand.history
    assert curtain.text("407215") == "407215"
    flight = FlightLog()
    observer = GuardedObserver(lambda _: flight, INFO, curtain)
    event = replace(BEFORE, text="407215")
    observer.stepped(event, (AskLlm(1, hand.history),))
    assert flight.steps[0].event is event
