"""An observer that fails is left out; one that does not sees everything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from voicecore.call.events import CallStarted
from voicecore.call_info import CallInfo
from voicecore.net.guarded_observer import GuardedObserver

INFO = CallInfo("CA1", "AC1", None, None, datetime.now(UTC))
METHODS = ("started", "stepped", "turn_timed", "caller_audio", "agent_audio", "ended")


class Watcher:
    """Notes what it sees; fails at `fails_at`."""

    def __init__(self, fails_at: str = "", error: type[BaseException] = RuntimeError) -> None:
        self.seen: list[str] = []
        self._fails_at = fails_at
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def see(*_: object) -> None:
            self.seen.append(name)
            if name == self._fails_at:
                raise self._error

        return see


def everything(observer: GuardedObserver) -> None:
    observer.started(INFO, 0.0)
    observer.stepped(CallStarted(0.0), ())
    observer.turn_timed(0.0, {"turn": 1})
    observer.caller_audio(0.0, b"\xff")
    observer.agent_audio(0.0, b"\xff")
    observer.ended(1.0, ())


def test_everything_is_passed_on() -> None:
    watcher = Watcher()
    with structlog.testing.capture_logs() as logs:
        everything(GuardedObserver(lambda _: watcher, INFO))
    assert tuple(watcher.seen) == METHODS and not logs


@pytest.mark.parametrize("name", METHODS)
def test_after_a_failure_it_is_asked_no_more(name: str) -> None:
    watcher = Watcher(name)
    guarded = GuardedObserver(lambda _: watcher, INFO)
    with structlog.testing.capture_logs() as logs:
        everything(guarded)
        everything(guarded)
    assert tuple(watcher.seen) == METHODS[: METHODS.index(name) + 1]
    assert [(line["event"], line["call_sid"]) for line in logs] == [("observer_failed", "CA1")]


def test_one_that_cannot_be_made_is_none() -> None:
    def refuse(_: CallInfo) -> Any:
        raise OSError("disk full")

    with structlog.testing.capture_logs() as logs:
        everything(GuardedObserver(refuse, INFO))
    assert len(logs) == 1


def test_an_interrupt_is_not_held_back() -> None:
    guarded = GuardedObserver(lambda _: Watcher("started", KeyboardInterrupt), INFO)
    with pytest.raises(KeyboardInterrupt):
        guarded.started(INFO, 0.0)
