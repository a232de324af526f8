"""A JSON object whose fields are read with their type checked; shared by the codecs here."""

from __future__ import annotations

from collections.abc import Callable

import orjson

_COUNT_DIGITS_MAX = 15


class JsonObject:
    """One JSON object of a vendor's message.

    `error` builds the exception that every method raises for a field that is missing or has the
    wrong type; its text names the field and never holds its value.
    """

    __slots__ = ("_error", "_fields")

    def __init__(self, fields: dict[str, object], error: Callable[[str], Exception]) -> None:
        self._fields = fields
        self._error = error

    @classmethod
    def parse(cls, text: str, error: Callable[[str], Exception]) -> JsonObject:
        """Read `text`, which must be one JSON object, NaN and infinities excluded."""
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as exc:
            raise error("the message is not JSON") from exc
        if not isinstance(value, dict):
            raise error("the message is not a JSON object")
        return cls(value, error)

    def string(self, name: str) -> str:
        """Return a required string."""
        value = self._fields.get(name)
        if not isinstance(value, str):
            raise self._error(f"{name} is not a string")
        return value

    def identifier(self, name: str) -> str:
        """Return a required string that is not empty."""
        value = self.string(name)
        if not value:
            raise self._error(f"{name} is empty")
        return value

    def optional_string(self, name: str) -> str:
        """Return a string; "" where the field is absent or null."""
        return "" if self._fields.get(name) is None else self.string(name)

    def count(self, name: str) -> int:
        """Return a required whole number written as a string of digits ("25")."""
        value = self.string(name)
        if not (value.isascii() and value.isdigit() and len(value) <= _COUNT_DIGITS_MAX):
            raise self._error(f"{name} is not a number in a string")
        return int(value)

    def integer(self, name: str) -> int:
        """Return a required JSON integer."""
        value = self._fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._error(f"{name} is not an integer")
        return value

    def number(self, name: str) -> float:
        """Return a required JSON number as a float, which the parser keeps finite."""
        value = self._fields.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._error(f"{name} is not a number")
        return float(value)

    def flag(self, name: str) -> bool:
        """Return a boolean; False where the field is absent or null."""
        value = self._fields.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._error(f"{name} is not a boolean")
        return value

    def object(self, name: str) -> JsonObject:
        """Return a required JSON object."""
        value = self._fields.get(name)
        if not isinstance(value, dict):
            raise self._error(f"{name} is not an object")
        return JsonObject(value, self._error)

    def optional_object(self, name: str) -> JsonObject:
        """Return a JSON object; an empty one where the field is absent or null."""
        if self._fields.get(name) is None:
            return JsonObject({}, self._error)
        return self.object(name)

    def objects(self, name: str) -> tuple[JsonObject, ...]:
        """Return the objects of an array; none where the field is absent or null."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._error(f"{name} is not an array")
        members = []
        for member in value:
            if not isinstance(member, dict):
                raise self._error(f"{name} holds something that is not an object")
            members.append(JsonObject(member, self._error))
        return tuple(members)

    def strings(self, name: str) -> tuple[str, ...]:
        """Return the strings of an array; none where the field is absent or null."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
            raise self._error(f"{name} is not an array of strings")
        return tuple(value)

    def integers(self, name: str) -> tuple[int, ...]:
        """Return the integers of an array; none where the field is absent or null."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(type(member) is int for member in value):
            raise self._error(f"{name} is not an array of integers")
        return tuple(value)

    def string_map(self) -> dict[str, str]:
        """Return all fields of an object that holds nothing but strings."""
        pairs = {}
        for name, value in self._fields.items():
            if not isinstance(value, str):
                raise self._error(f"{name} is not a string")
            pairs[name] = value
        return pairs
