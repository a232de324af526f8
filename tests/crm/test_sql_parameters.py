"""No value ever becomes part of a statement: SQL is constant text, values are parameters."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
STATEMENT_METHODS = frozenset({
    "execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchmany", "cursor", "prepare",
    "copy_from_query",
})  # fmt: skip
# Files where a statement is no constant of the module, and why that is safe.
EXCEPTIONS = {
    "crm/migrate.py": "runs the text of a migration file, which is part of the code",
    "crm/seed.py": "names tables of a constant, as no parameter can",
    "crm/dataset/load.py": "names tables of a constant, as no parameter can",
    "crm/principal.py": "puts an int into the one statement that begins a transaction",
    "crm/cached_directory.py": "asks the cache, which knows no SQL",
}


def sources() -> list[Path]:
    return sorted(path for folder in ("crm", "scheduler") for path in (ROOT / folder).rglob("*.py"))


class Constants:
    """The names of a module that hold text known before any value comes in.

    Whatever is put together while the module is imported is such, as long as it is put together of
    constants: by f-strings, `+`, `format`, `join`, and functions of our own.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._names: set[str] = set()
        self._functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                names = {alias.asname or alias.name for alias in node.names}
                self._names |= {name for name in names if name.isupper()}
                if (node.module or "").split(".")[0] in ("crm", "scheduler"):
                    self._functions |= {name for name in names if name.islower()}
            elif isinstance(node, ast.Assign) and self.holds(node.value, importing=True):
                for target in node.targets:
                    self._names |= _names_in(target)

    def holds(
        self, node: ast.expr, *, importing: bool = False, bound: frozenset[str] = frozenset()
    ) -> bool:
        """Say whether the expression is made of constant text only."""

        def all_hold(parts: Iterable[ast.expr], *more: str) -> bool:
            known = bound.union(more)
            return all(self.holds(part, importing=importing, bound=known) for part in parts)

        match node:
            case ast.Constant(value=value):
                return isinstance(value, str)
            case ast.Name(id=name):
                return name in self._names or name in bound
            case ast.JoinedStr(values=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
                return all_hold(parts)
            case ast.FormattedValue(value=part) | ast.Subscript(value=part):
                return all_hold([part])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return all_hold([left, right])
            case ast.IfExp(body=body, orelse=orelse):
                return all_hold([body, orelse])
            case ast.GeneratorExp(
                elt=part, generators=[ast.comprehension(target=each, iter=whole)]
            ):
                return all_hold([whole]) and all_hold([part], *_names_in(each))
            case ast.Call(func=function, args=given, keywords=named) if importing:
                parts = [*given, *(word.value for word in named)]
                return self._joins(function, all_hold) and all_hold(parts)
        return False

    def _joins(self, function: ast.expr, all_hold: Callable[[list[ast.expr]], bool]) -> bool:
        match function:
            case ast.Name(id=name):
                return name in self._functions
            case ast.Attribute(value=text, attr="format" | "join"):
                return all_hold([text])
        return False


def _names_in(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """A call, the functions that it stands in with the innermost last, and its module."""

    call: ast.Call
    inside: tuple[Function, ...]
    constants: Constants
    module: str


def places(module: str, text: str) -> list[Place]:
    """Return every call of a module."""
    tree = ast.parse(text)
    constants = Constants(tree)
    return [Place(call, inside, constants, module) for call, inside in _calls(tree, ())]


def unsafe_statements(calls: list[Place]) -> Iterator[tuple[str, str]]:
    """Yield module and line of every statement that is not constant text."""
    for place in calls:
        is_method = isinstance(place.call.func, ast.Attribute)
        if not is_method or _called(place.call) not in STATEMENT_METHODS or not place.call.args:
            continue
        if not _is_safe(place.call.args[0], place, calls):
            yield place.module, f"line {place.call.lineno}"


def _calls(
    node: ast.AST, inside: tuple[Function, ...]
) -> Iterator[tuple[ast.Call, tuple[Function, ...]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, inside
        deeper = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _calls(child, (*inside, child) if deeper else inside)


def _is_safe(statement: ast.expr, place: Place, calls: list[Place]) -> bool:
    """A statement is constant, or a parameter of a function that only ever gets constants."""
    if not isinstance(statement, ast.Name):
        return place.constants.holds(statement)
    for function in reversed(place.inside):
        if statement.id in [one.arg for one in function.args.args + function.args.kwonlyargs]:
            callers = [one for one in calls if _called(one.call) == function.name]
            # Nobody else can call a private function, but anybody a public one.
            return (bool(callers) or function.name.startswith("_")) and all(
                _is_safe(_given(one.call, function, statement.id), one, calls) for one in callers
            )
    return place.constants.holds(statement)


def _given(call: ast.Call, function: Function, parameter: str) -> ast.expr:
    """Return what the call hands over for the parameter; the call itself where that is unclear."""
    for word in call.keywords:
        if word.arg == parameter:
            return word.value
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    place = names.index(parameter) if parameter in names else len(call.args)
    return call.args[place] if place < len(call.args) else call


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


@pytest.fixture(scope="module")
def unsafe() -> set[tuple[str, str]]:
    """Module and line of every statement of crm and scheduler that is not constant text."""
    calls = [
        place
        for path in sources()
        for place in places(str(path.relative_to(ROOT)), path.read_text())
    ]
    assert sum(_called(place.call) in STATEMENT_METHODS for place in calls) > 60
    return set(unsafe_statements(calls))


def test_statements_are_constants(unsafe: set[tuple[str, str]]) -> None:
    assert {found for found in unsafe if found[0] not in EXCEPTIONS} == set()


def test_every_exception_is_still_needed(unsafe: set[tuple[str, str]]) -> None:
    assert {module for module, _ in unsafe} >= EXCEPTIONS.keys()


PASSING_ON = """
def _run(c, statement):
    c.fetch(statement)

def _pass(c, text):
    def look():
        _run(c, text)
"""


@pytest.mark.parametrize(
    "call",
    [
        "c.fetch(f'SELECT {name}')",
        "c.fetch('SELECT ' + name)",
        "c.fetch('SELECT %s' % name)",
        "c.fetch('SELECT {}'.format(name))",
        "c.execute(_GOOD.replace('x', name))",
        "c.execute(build(name))",
        "c.fetchval(name)",
        "c.fetch(_BAD)",
        "c.fetch('SELECT {}'.format(_GOOD))",
        "_run(c, f'SELECT {name}')",
        "_run(c, statement=_GOOD + name)",
        "_pass(c, name)",
        "_run(c)",
    ],
)
def test_the_check_finds_what_it_is_for(call: str) -> None:
    module = (
        f"_GOOD = 'SELECT x'\n_BAD = f'{{_GOOD}} {{open(0).read()}}'\n"
        f"{PASSING_ON}"
        f"def query(c, name):\n    {call}\n"
    )
    assert list(unsafe_statements(places("m", module)))


@pytest.mark.parametrize(
    "call",
    [
        "c.fetch('SELECT $1', name)",
        "c.fetch(_GOOD, name)",
        "c.fetch(_BUILT, name)",
        "c.execute(_CHOICE[name], name)",
        "c.fetch(_MADE)",
        "c.fetch(_JOINED)",
        "_run(c, _GOOD)",
        "_run(c, statement=_BUILT)",
        "_pass(c, _GOOD)",
    ],
)
def test_the_check_lets_constants_pass(call: str) -> None:
    module = (
        "_GOOD = 'SELECT x'\n_BUILT = f'{_GOOD} FROM t'\n_CHOICE = {1: _GOOD, 2: _BUILT}\n"
        "def made(text, sign):\n    return text + sign\n"
        "_MADE, _ODD = made(_GOOD, sign='-'), _GOOD.format(x='y')\n"
        "_JOINED = 'SELECT ' + ' OR '.join(f'{name}' for name in ('a', 'b'))\n"
        f"{PASSING_ON}"
        f"def query(c, name):\n    {call}\n"
    )
    assert not list(unsafe_statements(places("m", module)))
