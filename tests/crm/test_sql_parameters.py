"""No value ever becomes part of a statement: SQL is constant text, values are parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATEMENT_METHODS = frozenset({
    "execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchmany", "cursor", "prepare",
    "copy_from_query",
})  # fmt: skip
# Where the statement is no constant of the module, and why that is safe.
EXCEPTIONS = {
    ("crm/migrate.py", "_apply"): "runs the text of a migration file, which is part of the code",
    ("crm/seed.py", "_write_people"): "names tables of a constant, as no parameter can",
    ("crm/dataset/load.py", "load_dataset"): "names tables of a constant, as no parameter can",
    ("crm/dataset/load.py", "_is_loaded"): "names tables of a constant, as no parameter can",
    ("crm/dataset/load.py", "_check_shop"): "runs the statements of a constant one by one",
    ("crm/cached_directory.py", "find_by_phone"): "asks the cache, which knows no SQL",
}


def sources() -> list[Path]:
    return sorted(path for folder in ("crm", "scheduler") for path in (ROOT / folder).rglob("*.py"))


class Constants:
    """The names of a module that hold text known before any value comes in."""

    def __init__(self, tree: ast.Module) -> None:
        self._names: set[str] = set()
        self._imported: set[str] = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                names = {alias.asname or alias.name for alias in node.names}
                self._imported |= {name for name in names if name.isupper()}
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if self.holds(node.value):
                    self._names |= {one.id for one in targets if isinstance(one, ast.Name)}

    def holds(self, node: ast.expr) -> bool:
        """Say whether the expression is constant text, or a choice among such."""
        match node:
            case ast.Constant(value=value):
                return isinstance(value, str)
            case ast.Name(id=name):
                return name in self._names or name in self._imported
            case ast.JoinedStr(values=parts):
                return all(
                    self.holds(part.value) if isinstance(part, ast.FormattedValue)
                    else self.holds(part)
                    for part in parts
                )  # fmt: skip
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.holds(left) and self.holds(right)
            case ast.Dict(values=values):
                return all(self.holds(value) for value in values)
            case ast.Tuple(elts=values) | ast.List(elts=values):
                return all(self.holds(value) for value in values)
            case ast.Subscript(value=container):
                return self.holds(container)
            case ast.IfExp(body=body, orelse=orelse):
                return self.holds(body) and self.holds(orelse)
        return False


Function = ast.FunctionDef | ast.AsyncFunctionDef


def unsafe_statements(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield function and line of every statement that is not constant text."""
    constants = Constants(tree)
    calls = list(_calls(tree, ()))
    for call, inside in calls:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in STATEMENT_METHODS:
            continue
        if call.args and not _is_safe(call.args[0], inside, constants, calls):
            yield inside[-1].name if inside else "<module>", call.lineno


Calls = list[tuple[ast.Call, tuple[Function, ...]]]


def _calls(
    node: ast.AST, inside: tuple[Function, ...]
) -> Iterator[tuple[ast.Call, tuple[Function, ...]]]:
    """Yield every call below `node` with the functions that it stands in, the innermost last."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, inside
        deeper = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _calls(child, (*inside, child) if deeper else inside)


def _is_safe(
    statement: ast.expr, inside: tuple[Function, ...], constants: Constants, calls: Calls
) -> bool:
    """A statement is constant, or handed to a private function that only ever gets constants."""
    if not isinstance(statement, ast.Name):
        return constants.holds(statement)
    for function in reversed(inside):
        arguments = [one.arg for one in function.args.args + function.args.kwonlyargs]
        if statement.id in arguments:
            return function.name.startswith("_") and all(
                _is_safe(given, where, constants, calls)
                for call, where in calls
                if _called(call) == function.name
                for given in [_given(call, function, statement.id)]
            )
    return constants.holds(statement)


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


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_statements_are_constants(path: Path) -> None:
    where = str(path.relative_to(ROOT))
    found = [
        (function, line)
        for function, line in unsafe_statements(ast.parse(path.read_text()))
        if (where, function) not in EXCEPTIONS
    ]
    assert found == []


def test_every_exception_is_still_needed() -> None:
    for where, function in EXCEPTIONS:
        unsafe = unsafe_statements(ast.parse((ROOT / where).read_text()))
        assert function in {name for name, _ in unsafe}, (where, function)


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
    assert list(unsafe_statements(ast.parse(module)))


@pytest.mark.parametrize(
    "call",
    [
        "c.fetch('SELECT $1', name)",
        "c.fetch(_GOOD, name)",
        "c.fetch(_BUILT, name)",
        "c.execute(_CHOICE[name], name)",
        "_run(c, _GOOD)",
        "_run(c, statement=_BUILT)",
        "_pass(c, _GOOD)",
    ],
)
def test_the_check_lets_constants_pass(call: str) -> None:
    module = (
        "_GOOD = 'SELECT x'\n_BUILT = f'{_GOOD} FROM t'\n_CHOICE = {1: _GOOD, 2: _BUILT}\n"
        f"{PASSING_ON}"
        f"def query(c, name):\n    {call}\n"
    )
    assert not list(unsafe_statements(ast.parse(module)))
