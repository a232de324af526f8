"""The rules of the house that a syntax tree can show; `test_architecture.py` applies them.

A rule takes a `Source` and yields "path:line what is wrong".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("voicecore", "crm", "scheduler", "cli.py", "deploy", "bench")

TASKS = "voicecore/net/tasks.py"
CALL_BOUNDARY = "voicecore/net/session.py"
TWILIO_REST = "voicecore/net/twilio_rest.py"
TWILIO_PATHS = re.compile(
    r"(?:^|/)(?:Messages|Calls)(?:\.json|/|$)|/Accounts/|2010-04-01|api\.twilio\.com"
)
# Where the address of the REST interface stands as a setting.
TWILIO_ADDRESS = "voicecore/config.py"
REACHING = {"Calls.json": "place_call", "Messages.json": "send_sms"}
WITH_GROUPS = ("voicecore/sandbox/", "scheduler/", "crm/")
# The one who starts a server hands its environment on.
ENVIRONMENT = ("voicecore/config.py", "voicecore/sandbox/postgres.py", "deploy/bootstrap.py")


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file; `path` is relative to the project, with forward slashes."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        return ast.parse(self.text)

    def says(self, node: ast.AST, text: str) -> str:
        """One finding, where an editor can jump to it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)} {text}"


def product_sources() -> list[Source]:
    """Every Python file of the product and of what builds and measures it."""
    files: list[Path] = []
    for name in PRODUCT:
        entry = ROOT / name
        files += [entry] if entry.is_file() else sorted(entry.rglob("*.py"))
    return [Source(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files]


def tasks_in_one_place(source: Source) -> Iterator[str]:
    """Only net/tasks.py starts tasks; folders that cannot see it use a group that waits."""
    if source.path == TASKS:
        return
    for node in ast.walk(source.tree):
        owner, _, name = _called(node).rpartition(".")
        if name not in ("create_task", "ensure_future"):
            continue
        in_group = source.path.startswith(WITH_GROUPS) and owner and "loop" not in owner
        if not in_group or owner.startswith("asyncio"):
            yield source.says(node, f"{owner}.{name} outside {TASKS}")


def no_broad_except(source: Source) -> Iterator[str]:
    """A fault of ours is seen in two places; elsewhere a broad handler cleans up and re-raises."""
    if source.path in (TASKS, CALL_BOUNDARY):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or not _is_broad(node):
            continue
        last = node.body[-1]
        if not (isinstance(last, ast.Raise) and last.exc is None):
            yield source.says(node, "a broad except that does not raise again")


def empty_init(source: Source) -> Iterator[str]:
    """A package's file imports nothing and says nothing."""
    if source.path.endswith("__init__.py") and source.text.strip():
        yield source.says(source.tree, "is not empty")


def environment_only_in_config(source: Source) -> Iterator[str]:
    """Settings are read once, in one place."""
    if source.path in ENVIRONMENT:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
            yield source.says(node, "reads the environment")
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            names = {alias.name for alias in node.names}
            if names & {"environ", "environb", "getenv"}:
                yield source.says(node, "imports the environment")


def twilio_rest_in_one_place(source: Source) -> Iterator[str]:
    """Whoever rings or texts goes through the gate that knows the allowed numbers.

    Nothing else writes a path of the REST interface, asks the vendor's SDK for a call or a
    message, or reaches around the gate into the client's private parts.
    """
    if source.path == TWILIO_REST or source.path.startswith("voicecore/sandbox/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and source.path != TWILIO_ADDRESS:
            text = node.value if isinstance(node.value, str) else ""
            if " " not in text and TWILIO_PATHS.search(text):
                yield source.says(node, f"a REST path of Twilio outside {TWILIO_REST}")
        if re.search(r"\b(?:calls|messages)(?:\(.*\))?\.create(?:_async)?$", _called(node)):
            yield source.says(node, f"the vendor's SDK outside {TWILIO_REST}")
        if isinstance(node, ast.Import | ast.ImportFrom) and "twilio" in _imported(node):
            yield source.says(node, "imports the vendor's SDK")
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(
            ("rest._post", "rest._ask", "rest._ask_once", "rest._check_gate", "rest._allowed")
        ):
            yield source.says(node, "reaches around the gate")


def gate_before_the_wire(source: Source) -> Iterator[str]:
    """One function makes calls and one sends texts; each asks the gate before anything else."""
    if source.path != TWILIO_REST:
        return
    found = [
        (function, node, path)
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        for path in _posted(node)
    ]
    for function, node, path in found:
        first = next((part for part in function.body if not _is_text(part)), None)
        if function.name != REACHING[path]:
            yield source.says(node, f"{path} in {function.name}")
        elif first is None or not ast.unparse(first).startswith("self._check_gate("):
            yield source.says(node, f"{function.name} does not ask the gate first")
    for path in REACHING:
        count = sum(path == posted for _, _, posted in found)
        if count != 1:
            yield source.says(source.tree, f"{path} is posted {count} times")


def _posted(node: ast.AST) -> Iterator[str]:
    """Yield which of the paths that reach somebody a request writes to."""
    if _called(node).rpartition(".")[2] not in ("_post", "_ask", "_ask_once", "post", "request"):
        return
    texts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
    written = [text for text in texts if isinstance(text, str)]
    if "GET" not in written:
        yield from (path for path in REACHING if any(text.startswith(path) for text in written))


def no_print(source: Source) -> Iterator[str]:
    """The product logs; only the command line and the build script speak to a terminal."""
    if source.path == "cli.py":
        return
    for node in ast.walk(source.tree):
        name = _called(node)
        if name in ("print", "pprint", "breakpoint"):
            yield source.says(node, name)


def documented(source: Source) -> Iterator[str]:
    """Every public module, class and function says what it is for.

    Properties that a `Protocol` only declares need none: their class and their name say it.
    """
    if source.path.endswith("__init__.py"):
        return
    if not ast.get_docstring(source.tree):
        yield source.says(source.tree, "the module has no docstring")
    yield from _undocumented(source, source.tree, "")


def never_hidden_types(source: Source) -> Iterator[str]:
    """The pure folders need no exception from the type checker."""
    if not source.path.startswith(("voicecore/audio/", "voicecore/wire/", "voicecore/call/")):
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if "type: ignore" in line:
            yield f"{source.path}:{number} type: ignore"


RULES = (
    tasks_in_one_place,
    no_broad_except,
    empty_init,
    environment_only_in_config,
    twilio_rest_in_one_place,
    gate_before_the_wire,
    no_print,
    documented,
    never_hidden_types,
)


def untested_modules(folder: str, root: Path = ROOT) -> list[str]:
    """The modules of `voicecore/<folder>` without a test file of the same name."""
    home = root / "voicecore" / folder
    return [
        module.relative_to(root).as_posix()
        for module in sorted(home.rglob("*.py"))
        if module.name != "__init__.py"
        and not (
            root / "tests" / folder / module.relative_to(home).with_name(f"test_{module.name}")
        ).exists()
    ]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        names = {node.module or ""} if not node.level else set()
    return {name.partition(".")[0] for name in names}


def _called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)


def _undocumented(
    source: Source, owner: ast.Module | ast.ClassDef, prefix: str, *, protocol: bool = False
) -> Iterator[str]:
    for node in owner.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        declared = protocol and any(ast.unparse(item) == "property" for item in node.decorator_list)
        if not declared and not ast.get_docstring(node):
            yield source.says(node, f"{prefix}{node.name} has no docstring")
        if isinstance(node, ast.ClassDef):
            is_protocol = any("Protocol" in ast.unparse(base) for base in node.bases)
            yield from _undocumented(source, node, f"{prefix}{node.name}.", protocol=is_protocol)
