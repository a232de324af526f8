"""A scenario as it is written in YAML: who calls, what they do, and which rows must be there then.

`docs/dialog.md` lists the keys; whatever is not among them is refused with the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.simulate.people import ANONYMOUS, PEOPLE
from bench.simulate.script_checks import Row, check_pattern, check_rows
from bench.simulate.script_error import ScriptError
from bench.simulate.yaml_subset import Lined, LinedList, Value, YamlError, read_yaml

T = TypeVar("T")

_VERBS = (
    *("say", "interrupt", "backchannel", "press", "silence_ms", "noise_ms", "hang_up"),
    *("rival", "expire_holds", "fail"),
)
_STEP_KEYS = frozenset((*_VERBS, "after_ms", "when", "times", "how"))
_KEYS = frozenset(
    (
        *("about", "caller", "model", "knobs", "reminder", "transfer", "background_db"),
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
KNOBS = frozenset(
    ("model_ms", "sentence_ms", "tool_ms", "speaker_ms", "final_words_ms", "tool_late")
)
CAN_FAIL = frozenset(
    (
        *("find_by_phone", "history", "update_contact", "create_customer", "services"),
        *("free_slots", "hold", "confirm", "release", "reschedule", "cancel", "send_sms"),
    )
)
_TIMED = ("silence_ms", "noise_ms")
HOWS = ("error", "timeout", "lost_answer")

__all__ = ["Row", "Script", "ScriptError", "Step", "load_script", "load_scripts", "parse_script"]


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
    agent's questions by pattern; `knobs` are delays in milliseconds by name; `transfer` says
    whether somebody picks up when the caller is put through. `background_db` is the noise behind
    the caller on a real line, in dB of full scale; 0: none.
    """

    name: str
    about: str
    talk: tuple[Step, ...]
    caller: str = "maria"
    model: str = "normal"
    reminder: str = ""
    transfer: str = "answered"
    background_db: int = 0
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
        raise ScriptError(f"model must be one of {', '.join(MODELS)}", tree, "model")
    transfer = str(tree.get("transfer", "answered"))
    if transfer not in TRANSFERS:
        raise ScriptError(f"transfer must be one of {', '.join(TRANSFERS)}", tree, "transfer")
    knobs = _mapping(tree.get("knobs") or Lined(0), "knobs", KNOBS)
    before = _mapping(tree.get("before") or {}, "before", _BEFORE_KEYS)
    script = Script(
        name=name,
        about=str(tree.get("about") or ""),
        caller=_person(tree, "caller", "maria"),
        model=model,
        transfer=transfer,
        reminder=_person(tree, "reminder", ""),
        background_db=_whole(tree, "background_db", 0, least=-90, most=0),
        knobs={key: _whole(knobs, key, 0) for key in knobs},
        before={table: _in_lines(rows, _object) for table, rows in before.items()},
        faults=_steps(tree.get("faults")),
        answers={key: str(value) for key, value in _object(tree.get("answers")).items()},
        talk=_steps(tree.get("talk")),
        end=_mapping(tree.get("end") or {}, "end", _END_KEYS),
    )
    if not script.about or not script.talk or not script.end:
        raise ScriptError("about, talk and end must be there")
    check_rows(script.before, script.end)
    return script


def _steps(value: Value) -> tuple[Step, ...]:
    return tuple(_in_lines(value, _step))


def _in_lines(value: Value, read: Callable[[Value], T]) -> list[T]:
    """Read each entry of a list; an error that knows no line gets that of its entry."""
    found = []
    for at, entry in enumerate(_list(value)):
        try:
            found.append(read(entry))
        except ScriptError as error:
            if error.line or not isinstance(value, LinedList):
                raise
            raise ScriptError(f"line {value.lines[at]}: {error}") from error
    return found


def _step(entry: Value) -> Step:
    if entry == "hang_up" or entry == "expire_holds":
        return Step(verb=str(entry))
    keys = _mapping(entry, "a step", _STEP_KEYS)
    verbs = [verb for verb in _VERBS if verb in keys]
    if len(verbs) != 1:
        raise ScriptError(f"a step has exactly one of {', '.join(_VERBS)}", keys)
    how = str(keys.get("how", "error"))
    if how not in HOWS:
        raise ScriptError(f"how must be one of {', '.join(HOWS)}", keys, "how")
    if verbs[0] in _TIMED:
        _whole(keys, verbs[0], 0)
    if verbs[0] == "press" and not re.fullmatch(r"[0-9*#]+", str(keys["press"])):
        raise ScriptError(f"there is no such key in {keys['press']!r}", keys, "press")
    if verbs[0] == "fail" and str(keys["fail"]) not in CAN_FAIL:
        raise ScriptError(f"fail must be one of {', '.join(sorted(CAN_FAIL))}", keys, "fail")
    when = str(keys.get("when", ""))
    check_pattern(when, "when", keys, "when")
    return Step(
        verb=verbs[0],
        text=str(keys[verbs[0]]),
        after_ms=_whole(keys, "after_ms", 600),
        when=when,
        times=_whole(keys, "times", 1, least=1),
        how=how,
    )


def _person(tree: Row, key: str, default: str) -> str:
    name = str(tree.get(key) or default)
    if name in PEOPLE or name in ("", ANONYMOUS) or re.fullmatch(r"\+1[0-9]{10}", name):
        return name
    known = ", ".join([*PEOPLE, ANONYMOUS])
    raise ScriptError(f"{name} is nobody; there are {known} and +1 numbers", tree, key)


def _whole(tree: Row, key: str, default: int, *, least: int = 0, most: int = 600_000) -> int:
    value = tree.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ScriptError(f"{key} must be a whole number from {least} to {most}", tree, key)
    return value


def _mapping(value: Value, what: str, allowed: frozenset[str]) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise ScriptError(f"{what} must be a mapping, not {value!r}")
    unknown = sorted(set(value) - allowed)
    if unknown:
        known = ", ".join(sorted(allowed))
        reason = f"{what} has no {', '.join(unknown)}; it has {known}"
        raise ScriptError(reason, value, unknown[0])
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
