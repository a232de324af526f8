"""The arguments of a tool: their strict JSON schema, and the check of what the model sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_VALUE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Field:
    """One text argument; an optional one may be null or absent."""

    name: str
    description: str
    optional: bool = False
    choices: tuple[str, ...] = ()

    def schema(self) -> dict[str, object]:
        """Return the field's JSON schema."""
        schema: dict[str, object] = {"type": "string", "description": self.description}
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.optional:
            schema["type"] = ["string", "null"]
            if self.choices:
                schema["enum"] = [*self.choices, None]
        return schema


class ArgumentsError(ValueError):
    """What the model sent does not fit; `problems` tells it what to correct."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = "; ".join(problems)


def parameters(fields: Sequence[Field]) -> dict[str, object]:
    """Return the `parameters` of a strict tool.

    Source: OpenAI, Function calling - Strict mode: every property is required and
    `additionalProperties` is false; an optional one has a null type.
    """
    return {
        "type": "object",
        "properties": {field.name: field.schema() for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def read_arguments(text: str, fields: Sequence[Field]) -> dict[str, str]:
    """Check the raw JSON of a tool call; optional values that were not given are left out.

    Raises:
        ArgumentsError: no JSON object, a missing, an unknown or an impossible value.
    """
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise ArgumentsError(["the arguments are not valid JSON"]) from error
    if not isinstance(given, dict):
        raise ArgumentsError(["the arguments are not a JSON object"])
    names = [field.name for field in fields]
    problems = [f"unknown field {name[:40]!r}" for name in given if name not in names]
    values: dict[str, str] = {}
    for field in fields:
        value, complaint = _value(field, given.get(field.name))
        if complaint:
            problems.append(complaint)
        elif value:
            values[field.name] = value
    if problems:
        raise ArgumentsError(problems)
    return values


def _value(field: Field, given: object) -> tuple[str, str]:
    """Return the value and what is wrong with it."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = str(given)
    if given is None or given == "":
        return "", "" if field.optional else f"{field.name} is missing"
    if not isinstance(given, str) or len(given) > LONGEST_VALUE_CHARS:
        return "", f"{field.name} must be a short text"
    if field.choices and given not in field.choices:
        return "", f"{field.name} must be one of {', '.join(field.choices)}"
    return given.strip(), "" if given.strip() or field.optional else f"{field.name} is missing"
