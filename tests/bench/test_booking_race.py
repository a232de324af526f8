"""Racing bookings through crashes: nothing is lost or doubled, and a missing safeguard shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bench.booking_race import main
from bench.race.checker import Fault
from bench.race.plan import ZONE, Crashes, RacePlan
from bench.race.run import Outcome, run_race

ROOT = Path(__file__).resolve().parents[2]
START_WAIT_S = 40.0
END_WAIT_S = 15.0

# A small race without a calendar, which only looks at double bookings.
SMALL = RacePlan(
    operations=500,
    crashes=Crashes(),
    seed=1,
    first_day=(datetime.now(ZONE) + timedelta(days=2)).date(),
    processes=2,
    calendar_workers=0,
    converge_s=0.0,
    kept=100,
)


def found(outcome: Outcome) -> set[Fault]:
    """The faults that were found, but for the calendar's, which nobody wrote."""
    return {violation.fault for violation in outcome.violations} - {Fault.CALENDAR}


@pytest.mark.timeout(120)
def test_the_quick_race_keeps_every_promise(tmp_path: Path) -> None:
    report_file = tmp_path / "race.json"
    assert main(["--quick", "--json", str(report_file)]) == 0

    report = json.loads(report_file.read_text("utf-8"))
    assert not any(report["violations"].values())
    figures = report["figures"]
    assert figures["operations"] >= 2_000
    assert set(figures["crashes"]) == {"postgres", "callers", "calendar"}
    assert figures["cuts"] >= 2
    # A race without conflicts and lost answers would show nothing.
    assert min(figures["conflicts"], figures["unanswered"], figures["google_faults"]) > 0
    assert figures["booked"] == figures["events"] > 50


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_without_the_constraint_the_checker_finds_overlaps(tmp_path: Path) -> None:
    outcome = await run_race(replace(SMALL, without_constraint=True), tmp_path)
    assert Fault.BAY_OVERLAP in found(outcome)


@pytest.mark.timeout(60)
async def test_without_the_key_the_checker_finds_intents_booked_twice(tmp_path: Path) -> None:
    outcome = await run_race(replace(SMALL, crashes=Crashes(cuts=6), without_key=True), tmp_path)
    assert found(outcome) == {Fault.DOUBLED}


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_with_both_the_same_race_finds_nothing(tmp_path: Path) -> None:
    outcome = await run_race(replace(SMALL, crashes=Crashes(cuts=6)), tmp_path)
    assert found(outcome) == set()
    assert outcome.figures.unanswered > 0


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_process_outlives_the_race(tmp_path: Path, number: signal.Signals, code: int) -> None:
    folder = tmp_path / "journals"
    race = subprocess.Popen(
        [sys.executable, "-m", "bench.booking_race", "--journals", str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: len(_processes(folder)) > 5 and any(folder.glob("*.journal")))
        race.send_signal(number)
        assert race.wait(END_WAIT_S) == code
        _wait_until(lambda: _processes(folder) == [str(race.pid)] or not _processes(folder))
    finally:
        race.kill()
        race.wait(END_WAIT_S)


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.journal").touch()
    assert main(["--quick", "--journals", str(tmp_path)]) == 2


@pytest.mark.parametrize("arguments", [["--operations", "-1"], ["--without", "luck"], ["--what"]])
def test_a_wrong_option_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(arguments)
    assert refusal.value.code == 2


def _processes(folder: Path) -> list[str]:
    """The ids of the processes that were given the folder."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, timeout=10, check=True
    )
    lines = [line.split(None, 1) for line in listing.stdout.splitlines()]
    return [pid for pid, *rest in lines if rest and str(folder) in rest[0]]


def _wait_until(is_so: object, timeout_s: float = START_WAIT_S) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, os.times()
        time.sleep(0.1)
