from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bench.simulate.script import ScriptError, load_script, load_scripts, parse_script
from bench.simulate.shop_time import VIRTUAL_NOW, ZONE, moment
from bench.simulate.suite import SCENARIOS

WHOLE = "about: x\ntalk: [hang_up]\nend: {outcome: caller}\n"


def test_a_script_is_read() -> None:
    script = parse_script(
        "name",
        WHOLE.replace("[hang_up]", '[{interrupt: "Wait", after_ms: 5, when: "a|b"}, hang_up]'),
    )
    first, last = script.talk
    assert (first.verb, first.text, first.after_ms, first.when) == ("interrupt", "Wait", 5, "a|b")
    assert last.verb == "hang_up"
    assert not script.is_outbound


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("about: x\ntalk: [hang_up]\n", "must be there"),
        (WHOLE + "colour: red\n", "has no colour"),
        (WHOLE + "model: clever\n", "model must be"),
        (WHOLE + "caller: somebody\n", "somebody is nobody"),
        (WHOLE + "before: {pets: []}\n", "has no pets"),
        (WHOLE + "before: {appointments: [{who: nobody}]}\n", "nobody is nobody"),
        (WHOLE + "before: {appointments: [{who: maria, car: tank}]}\n", "tank is no car"),
        (WHOLE + "faults: [{fail: hold, how: loudly}]\n", "how must be"),
        (WHOLE + "faults: none\n", "must be a list"),
        (WHOLE + "knobs: none\n", "must be a mapping"),
        (WHOLE.replace("[hang_up]", "[{say: a, press: '1'}]"), "exactly one"),
        (WHOLE.replace("[hang_up]", "[{say: a, when: '('}]"), "no pattern"),
        (WHOLE.replace("[hang_up]", "[dance]"), "line 2: a step must be a mapping, not 'dance'"),
        (
            WHOLE.replace("[hang_up]", "\n  - hang_up\n  - {say: a, loud: 1}"),
            "line 4: a step has no",
        ),
        (WHOLE.replace("[hang_up]", "[{silence_ms: long}]"), "line 2: silence_ms must be a whole"),
        (WHOLE.replace("[hang_up]", "[{press: 1a}]"), "no such key"),
        (WHOLE.replace("[hang_up]", "[{fail: hodl}]"), "fail must be one of"),
        (WHOLE.replace("outcome: caller", "outcome: joy"), "line 3: joy is none of caller"),
        (WHOLE.replace("outcome: caller", "heard: ['(']"), "line 3: heard is no pattern"),
        (WHOLE.replace("outcome: caller", "tools: [fly]"), "fly is none of"),
        (WHOLE.replace("outcome: caller", "texts: [bob]"), "bob is none of"),
        (WHOLE.replace("outcome: caller", "texts: bob"), "texts must be a list"),
        (WHOLE.replace("outcome: caller", "contact: {bob: {}}"), "bob is none of"),
        (WHOLE.replace("outcome: caller", "events: {party: 1}"), "party is none of"),
        (WHOLE.replace("outcome: caller", "new_customers: [{name: A}]"), "needs phone"),
        (WHOLE.replace("outcome: caller", "appointments: [{at: soon}]"), "no day and time"),
        (
            WHOLE.replace("outcome: caller", "appointments: [{service: x}]"),
            "x is none of oil_change",
        ),
        (
            WHOLE.replace("outcome: caller", "appointments: [{whom: x}]"),
            "appointments have no whom",
        ),
        (WHOLE + "before: {appointments: [{who: maria}]}\n", "line 4: a row of .* needs service"),
        (WHOLE + "knobs: {speed: 1}\n", "line 4: knobs has no speed"),
        (WHOLE + "background_db: 3\n", "line 4: background_db must be"),
        ("- a\n", "the file must be"),
    ],
)
def test_what_is_no_scenario_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ScriptError, match=reason):
        parse_script("name", text)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("about: [", encoding="utf-8")
    with pytest.raises(ScriptError, match=r"bad\.yaml: line 1"):
        load_script(tmp_path / "bad.yaml")
    with pytest.raises(ScriptError, match="no scenario of that name"):
        load_scripts(SCENARIOS, ["unicorn"])


def test_days_are_words() -> None:
    assert moment("thursday 14:00", VIRTUAL_NOW) == datetime(2026, 12, 3, 14, tzinfo=ZONE)
    assert moment("tuesday 9:30", VIRTUAL_NOW) == datetime(2026, 12, 8, 9, 30, tzinfo=ZONE)
    assert moment("tomorrow 8:00", VIRTUAL_NOW).day == 2
    assert moment("today 8:00", VIRTUAL_NOW).day == 1
    for text in ("someday 8:00", "thursday", "thursday 25:00"):
        with pytest.raises(ScriptError, match="no day and time"):
            moment(text, VIRTUAL_NOW)
