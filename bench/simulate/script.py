"""A scenario as it is written in YAML: who calls, what they do, and which rows must be there then.

`docs/dialog.md` lists the keys; whatever is not among them is refused with the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.simulate.people import ANONYMOUS, CARS, PEOPLE
from bench.simulate.yaml_subset import Value, YamlError, read_yaml

_VERBS = (
    *("say", "interrupt", "backchannel", "press", "silence_ms", "noise_ms", "hang_up"),
    *("rival", "expire_holds", "fail"),
)
_STEP_KEYS = frozenset((*_VERBS, "after_ms", "when", "times", "how"))
_KEYS = frozenset(
    (
        *("about", "caller", "model", "knobs", "reminder", "transfer"),
        *("before", "faults", "answers", "talk", "end"),
    )
)
_BEFORE_KEYS = frozenset(("appointments", "cars", "people", "notes"))
_END_KEYS = frozenset(
    (
        *("appointments", "texts", "outcome", "contact", "new_customers", "events"),
        *("heard", "never_heard", "tools", "never_tools", "whispered"),
    )
)
MODELS = ("normal", "obedient", "nonsense", "looping", "liar")
TRANSFERS = ("answered", "nobody")
HOWS = ("error", "timeout", "lost_answer")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Row = Mapping[str, Value]


class ScriptError(ValueError):
    """A scenario file that cannot be played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that the caller, or fate, does.

    `verb` is what, `text` its object; `after_ms` how far into the agent's speech; `when` a
    pattern of the agent's last words without which the step is passed over. A `hang_up` with a
    number comes so many milliseconds behind the caller's own last words.
    """

    verb: str
    text: str = ""
    after_ms: int = 600
    when: str = ""
    times: int = 1
    how: str = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One scenario.

    `before` and `end` hold rows by table, in the words of the file; `answers` are given to the
    agent's questions by pattern; `knobs` are delays in milliseconds by name;
    `transfer` says whether somebody picks up when the caller is put through.
    """

    name: str
    about: str
    talk: tuple[Step, ...]
    caller: str = "maria"
    model: str = "normal"
    reminder: str = ""
    transfer: str = "answered"
    knobs: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    faults: tuple[Step, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    end: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_outbound(self) -> bool:
        """Whether it is we who ring."""
        return bool(self.reminder)


def load_scripts(folder: Path, only: Iterable[str] = ()) -> list[Script]:
    """Read all scenarios of a folder by name; `only` keeps those whose name holds one of these.

    Raises:
        ScriptError: a file cannot be read, or `only` names nothing.
    """
    scripts = [load_script(path) for path in sorted(folder.glob("*.yaml"))]
    wanted = tuple(only)
    if wanted:
        scripts = [script for script in scripts if any(part in script.name for part in wanted)]
    if not scripts:
        raise ScriptError(f"no scenario of that name in {folder}")
    return scripts


def load_script(path: Path) -> Script:
    """Read one scenario.

    Raises:
        ScriptError: the file cannot be read, or has a key that does not exist.
    """
    try:
        return parse_script(path.stem, path.read_text(encoding="utf-8"))
    except (YamlError, ScriptError) as error:
        raise ScriptError(f"{path.name}: {error}") from error


def parse_script(name: str, text: str) -> Script:
    """Read one scenario from its text.

    Raises:
        YamlError, ScriptError: it is no YAML, or no scenario.
    """
    tree = _mapping(read_yaml(text), "the file", _KEYS)
    model = str(tree.get("model", "normal"))
    if model not in MODELS:
        raise ScriptError(f"model must be one of {', '.join(MODELS)}")
    transfer = str(tree.get("transfer", "answered"))
    if transfer not in TRANSFERS:
        raise ScriptError(f"transfer must be one of {', '.join(TRANSFERS)}")
    before = _mapping(tree.get("before") or {}, "before", _BEFORE_KEYS)
    script = Script(
        name=name,
        about=str(tree.get("about") or ""),
        caller=_person(str(tree.get("caller", "maria"))),
        model=model,
        transfer=transfer,
        reminder=_person(str(tree.get("reminder") or "")),
        knobs={key: int(str(value)) for key, value in _object(tree.get("knobs")).items()},
        before={table: [_object(row) for row in _list(rows)] for table, rows in before.items()},
        faults=tuple(_step(entry) for entry in _list(tree.get("faults"))),
        answers={key: str(value) for key, value in _object(tree.get("answers")).items()},
        talk=tuple(_step(entry) for entry in _list(tree.get("talk"))),
        end=_mapping(tree.get("end") or {}, "end", _END_KEYS),
    )
    if not script.about or not script.talk or not script.end:
        raise ScriptError("about, talk and end must be there")
    _check_names(script)
    return script


def _step(entry: Value) -> Step:
    if entry == "hang_up" or entry == "expire_holds":
        return Step(verb=str(entry))
    keys = _mapping(entry, "a step", _STEP_KEYS)
    verbs = [verb for verb in _VERBS if verb in keys]
    if len(verbs) != 1:
        raise ScriptError(f"a step has exactly one of {', '.join(_VERBS)}")
    how = str(keys.get("how", "error"))
    if how not in HOWS:
        raise ScriptError(f"how must be one of {', '.join(HOWS)}")
    when = str(keys.get("when", ""))
    try:
        re.compile(when)
    except re.error as error:
        raise ScriptError(f"when is no pattern: {error}") from error
    return Step(
        verb=verbs[0],
        text=str(keys[verbs[0]]),
        after_ms=int(str(keys.get("after_ms", 600))),
        when=when,
        times=int(str(keys.get("times", 1))),
        how=how,
    )


def _check_names(script: Script) -> None:
    rows = [row for rows in script.before.values() for row in rows]
    rows += [_object(row) for row in _list(script.end.get("appointments"))]
    for row in rows:
        who, car = row.get("who"), row.get("car")
        if who is not None and str(who) not in PEOPLE and "last" not in row:
            raise ScriptError(f"{who} is nobody")
        if car is not None and str(car) not in CARS and "make" not in row:
            raise ScriptError(f"{car} is no car")


def _person(name: str) -> str:
    if name in PEOPLE or name in ("", ANONYMOUS) or re.fullmatch(r"\+1[0-9]{10}", name):
        return name
    raise ScriptError(f"{name} is nobody")


def _mapping(value: Value, what: str, allowed: frozenset[str]) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise ScriptError(f"{what} must be a mapping")
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise ScriptError(f"{what} has no {', '.join(unknown)}")
    return value


def _object(value: Value) -> dict[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ScriptError(f"{value!r} must be a mapping")
    return value


def _list(value: Value) -> list[Value]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ScriptError(f"{value!r} must be a list")
    return value
