"""Reads the part of YAML that scenarios are written in, and refuses all the rest.

Block mappings and sequences, flow mappings and sequences on one line, plain, single- and
double-quoted scalars, comments. No anchors, tags, block scalars or several documents. Whatever is
read here is read the same by any YAML reader.

Source: YAML 1.2.2 - chapters 7 and 8, and the core schema of chapter 10.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\[\]{},#&*!|>%@`-][^:#\[\]{},]*?):(?= |$)"""
)
_REFUSED = tuple("&*!|>%@`")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_AMBIGUOUS = frozenset({"yes", "no", "on", "off", "y", "n"})


class YamlError(ValueError):
    """The text is not in the subset; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


class Lined(dict[str, Value]):
    """A mapping that knows the line of each of its keys; `line` is its first."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class LinedList(list[Value]):
    """A list that knows the line of each of its entries."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    indent: int
    text: str


def read_yaml(text: str) -> Value:
    """Return the document's value.

    Raises:
        YamlError: the text is not in the subset.
    """
    lines = _lines(text)
    if not lines:
        return None
    reader = _Blocks(lines)
    value = reader.block(lines[0].indent)
    if reader.at < len(lines):
        raise YamlError(lines[reader.at].number, "does not belong to what stands above it")
    return value


def _lines(text: str) -> list[_Line]:
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        if "\t" in raw:
            raise YamlError(number, "has a tab")
        body = _without_comment(raw).rstrip()
        if body:
            stripped = body.lstrip(" ")
            lines.append(_Line(number, len(body) - len(stripped), stripped))
    return lines


def _without_comment(line: str) -> str:
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (at == 0 or line[at - 1] in " ,[{:-"):
            quote = character
        elif character == "#" and (at == 0 or line[at - 1] == " "):
            return line[:at]
    return line


class _Blocks:
    """Reads blocks by indentation; `at` is the next line."""

    def __init__(self, lines: list[_Line]) -> None:
        self.lines = lines
        self.at = 0

    def block(self, indent: int) -> Value:
        """Read the block that begins at the next line."""
        text = self.lines[self.at].text
        if text == "-" or text.startswith("- "):
            return self._sequence(indent)
        if _KEY.match(text):
            return self._mapping(indent)
        line = self.lines[self.at]
        self.at += 1
        return _Flow(line.text, line.number).whole()

    def _sequence(self, indent: int) -> list[Value]:
        items = LinedList()
        while (line := self._next(indent)) and (line.text == "-" or line.text.startswith("- ")):
            items.lines.append(line.number)
            rest = line.text[1:].lstrip(" ")
            if not rest:
                self.at += 1
                items.append(self._below(indent))
                continue
            inner = indent + len(line.text) - len(rest)
            self.lines[self.at] = _Line(line.number, inner, rest)
            items.append(self.block(inner))
        return items

    def _mapping(self, indent: int) -> dict[str, Value]:
        found = Lined(self.lines[self.at].number)
        while (line := self._next(indent)) and (match := _KEY.match(line.text)):
            key = str(_Flow(match[1], line.number).whole(as_key=True))
            if key in found:
                raise YamlError(line.number, f"{key!r} stands twice")
            found.lines[key] = line.number
            rest = line.text[match.end() :].strip()
            self.at += 1
            if rest:
                found[key] = _Flow(rest, line.number).whole()
            else:
                found[key] = self._below(indent, in_mapping=True)
        return found

    def _below(self, indent: int, *, in_mapping: bool = False) -> Value:
        if self.at == len(self.lines):
            return None
        line = self.lines[self.at]
        is_item = in_mapping and line.indent == indent and line.text.startswith("-")
        if line.indent > indent or is_item:
            return self.block(line.indent)
        return None

    def _next(self, indent: int) -> _Line | None:
        if self.at == len(self.lines):
            return None
        line = self.lines[self.at]
        if line.indent > indent:
            raise YamlError(line.number, "is indented too far")
        return line if line.indent == indent else None


class _Flow:
    """Reads one value that stands on one line."""

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.number = number
        self.at = 0

    def whole(self, *, as_key: bool = False) -> Value:
        """Read the value, which must be all of the text."""
        if as_key and self.text[:1] not in "\"'":
            return self.text
        value = self._value(stops="")
        self._skip()
        if self.at < len(self.text):
            raise YamlError(self.number, f"has {self.text[self.at :]!r} behind a value")
        return value

    def _value(self, stops: str) -> Value:
        self._skip()
        first = self.text[self.at : self.at + 1]
        if first == "[":
            return self._list()
        if first == "{":
            return self._map()
        if first in ('"', "'") and first:
            return self._quoted(first)
        return self._plain(stops)

    def _list(self) -> list[Value]:
        items = LinedList()
        self.at += 1
        while not self._closes("]"):
            items.lines.append(self.number)
            items.append(self._value(",]"))
            self._comma("]")
        return items

    def _map(self) -> dict[str, Value]:
        found = Lined(self.number)
        self.at += 1
        while not self._closes("}"):
            match = _KEY.match(self.text, self.at)
            if match is None:
                raise YamlError(self.number, "wants a key in {}")
            key = str(_Flow(match[1], self.number).whole(as_key=True))
            if key in found:
                raise YamlError(self.number, f"{key!r} stands twice")
            self.at = match.end()
            found.lines[key] = self.number
            found[key] = self._value(",}")
            self._comma("}")
        return found

    def _quoted(self, quote: str) -> str:
        pattern = r'"(?:[^"\\]|\\.)*"' if quote == '"' else r"'(?:[^']|'')*'"
        match = re.compile(pattern).match(self.text, self.at)
        if match is None:
            raise YamlError(self.number, "has an open quotation mark")
        self.at = match.end()
        if quote == "'":
            return match[0][1:-1].replace("''", "'")
        try:
            return str(json.loads(match[0]))
        except ValueError as error:
            raise YamlError(self.number, "has an escape that JSON does not know") from error

    def _plain(self, stops: str) -> Value:
        end = self.at
        while end < len(self.text) and self.text[end] not in stops:
            end += 1
        word = self.text[self.at : end].strip()
        self.at = end
        if word.startswith((*_REFUSED, "? ", "- ")) or ": " in word or word.endswith(":"):
            raise YamlError(self.number, f"wants quotation marks around {word!r}")
        return _scalar(word, self.number)

    def _comma(self, closer: str) -> None:
        self._skip()
        if self.text[self.at : self.at + 1] == ",":
            self.at += 1
        elif self.text[self.at : self.at + 1] != closer:
            raise YamlError(self.number, f"wants a comma or {closer}")
        self._skip()

    def _closes(self, closer: str) -> bool:
        self._skip()
        if self.at >= len(self.text):
            raise YamlError(self.number, f"wants a {closer}")
        if self.text[self.at] == closer:
            self.at += 1
            return True
        return False

    def _skip(self) -> None:
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1


def _scalar(word: str, number: int) -> Value:
    if word.lower() in _AMBIGUOUS:
        raise YamlError(number, f"wants quotation marks around {word!r}: readers differ on it")
    if word.lower() in _WORDS and (word in _WORDS or word.istitle() or word.isupper()):
        return _WORDS[word.lower()]
    if _INT.fullmatch(word):
        if re.fullmatch(r"[-+]?0[0-9]+", word):
            raise YamlError(number, f"wants quotation marks around {word!r}: readers differ on it")
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word
