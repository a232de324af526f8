"""The shape of the code: who may import whom, and the rules of the house.

Every rule is tried on a snippet that breaks it, so that none of them can pass by being blind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import Contract

from tests.house_rules import (
    PRODUCT,
    ROOT,
    RULES,
    TWILIO_REST,
    Source,
    documented,
    empty_init,
    environment_only_in_config,
    gate_before_the_wire,
    never_hidden_types,
    no_broad_except,
    no_print,
    product_sources,
    tasks_in_one_place,
    twilio_rest_in_one_place,
    untested_modules,
)

CONFIGURATION = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS = {options["id"]: options for options in CONFIGURATION["contracts_options"]}
KINDS: dict[str, type[Contract]] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}

# For each contract one import that must never exist.
FORBIDDEN_ARROWS = [
    ("layers", "voicecore.audio.ring", "voicecore.wire.twiml"),
    ("layers", "voicecore.wire.twiml", "voicecore.call.events"),
    ("layers", "voicecore.call.step", "voicecore.dialog.slots"),
    ("layers", "voicecore.dialog.slots", "voicecore.net.session"),
    ("layers", "voicecore.net.session", "voicecore.sandbox.twilio"),
    ("layers", "voicecore.net.session", "voicecore.ops.flight_log"),
    ("layers", "voicecore.sandbox.twilio", "voicecore.net.app"),
    ("data", "crm.pool", "scheduler.booking"),
    ("engine", "voicecore.net.call_factory", "crm.calls"),
    ("engine", "crm.calls", "voicecore.errors"),
    ("engine_and_scheduler", "voicecore.net.call_factory", "scheduler.desk"),
    ("pure", "voicecore.audio.playout", "time"),
    ("pure", "voicecore.wire.twilio_media", "asyncio"),
    ("pure", "voicecore.call.step", "random"),
    ("pure", "voicecore.call.state", "logging"),
    ("pure", "voicecore.audio.vad", "os"),
    ("no_settings", "voicecore.call.policy", "voicecore.config"),
    ("call", "voicecore.call.step", "voicecore.errors"),
    ("dialog", "voicecore.dialog.toolbox", "voicecore.wire.twiml"),
    ("dialog", "voicecore.dialog.toolbox", "openai"),
    ("ops", "voicecore.ops.flight_log", "voicecore.audio.playout"),
    ("sandbox", "voicecore.sandbox.twilio_stream", "voicecore.wire.twilio_media"),
    ("sandbox", "voicecore.sandbox.twilio_buffer", "voicecore.audio.playout"),
    ("sandbox", "voicecore.sandbox.stand_ins", "voicecore.config"),
    ("vendor_sdks", "voicecore.net.listen", "deepgram"),
    ("data_without_voice", "scheduler.desk", "openai"),
    ("cycles", "voicecore.call.events", "voicecore.call.step"),
]


@cache
def _imports() -> grimp.ImportGraph:
    return grimp.build_graph(
        *CONFIGURATION["session_options"]["root_packages"],
        include_external_packages=True,
        cache_dir=None,
    )


def _holds(contract_id: str, graph: grimp.ImportGraph) -> bool:
    options: dict[str, Any] = dict(CONTRACTS[contract_id])
    contract = KINDS[options["type"]](
        name=options["name"],
        session_options=CONFIGURATION["session_options"],
        contract_options={k: v for k, v in options.items() if k not in ("id", "name", "type")},
    )
    return bool(contract.check(graph, verbose=False).kept)


@pytest.mark.parametrize("contract_id", CONTRACTS)
def test_the_imports_keep_the_contract(contract_id: str) -> None:
    assert _holds(contract_id, deepcopy(_imports())), "run .venv/bin/lint-imports to see the arrow"


@pytest.mark.parametrize(("contract_id", "importer", "imported"), FORBIDDEN_ARROWS)
def test_the_contract_breaks_on_a_wrong_arrow(
    contract_id: str, importer: str, imported: str
) -> None:
    graph = deepcopy(_imports())
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed=True)
    assert importer in graph.modules
    graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="import x")

    assert not _holds(contract_id, graph)


def test_every_contract_has_an_arrow_that_breaks_it() -> None:
    assert {contract_id for contract_id, _, _ in FORBIDDEN_ARROWS} == set(CONTRACTS)


def test_only_the_command_line_imports_the_stand_ins() -> None:
    users = {
        source.path
        for source in product_sources()
        if "voicecore.sandbox" in source.text
        and not source.path.startswith(("voicecore/sandbox/", "bench/"))
    }
    assert users <= {"cli.py"}


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule: Callable[[Source], Iterator[str]]) -> None:
    assert [finding for source in product_sources() for finding in rule(source)] == []


GATED = "async def place_call(self, to):\n  self._check_gate(to)\n  self._post('Calls.json')\n"
BAD_SNIPPETS: list[tuple[Callable[[Source], Iterator[str]], str, str]] = [
    (tasks_in_one_place, "voicecore/net/app.py", "asyncio.create_task(f())"),
    (tasks_in_one_place, "voicecore/net/app.py", "group.create_task(f())"),
    (tasks_in_one_place, "voicecore/net/app.py", "asyncio.ensure_future(f())"),
    (tasks_in_one_place, "cli.py", "create_task(f())"),
    (tasks_in_one_place, "voicecore/sandbox/twilio.py", "create_task(f())"),
    (tasks_in_one_place, "voicecore/sandbox/twilio.py", "asyncio.create_task(f())"),
    (tasks_in_one_place, "scheduler/jobs.py", "asyncio.get_running_loop().create_task(f())"),
    (tasks_in_one_place, "scheduler/jobs.py", "loop.create_task(f())"),
    (no_broad_except, "crm/pool.py", "try:\n  f()\nexcept:\n  pass"),
    (no_broad_except, "crm/pool.py", "try:\n  f()\nexcept Exception as error:\n  log(error)"),
    (no_broad_except, "crm/pool.py", "try:\n  f()\nexcept (OSError, Exception):\n  return"),
    (no_broad_except, "crm/pool.py", "try:\n  f()\nexcept BaseException as e:\n  raise X from e"),
    (empty_init, "crm/__init__.py", "from crm.pool import open_pool"),
    (empty_init, "crm/__init__.py", '"""A package."""'),
    (environment_only_in_config, "crm/pool.py", "import os\nos.environ['X']"),
    (environment_only_in_config, "crm/pool.py", "import os\nos.getenv('X')"),
    (environment_only_in_config, "crm/pool.py", "from os import environ"),
    (twilio_rest_in_one_place, "voicecore/net/app.py", "url = f'{base}/Accounts/{sid}'"),
    (twilio_rest_in_one_place, "scheduler/jobs.py", "post('Calls.json')"),
    (twilio_rest_in_one_place, "voicecore/net/app.py", "post(f'{base}/Calls' + '.json')"),
    (twilio_rest_in_one_place, "scheduler/sms.py", "get(f'https://{host}/Messages')"),
    (twilio_rest_in_one_place, "cli.py", "URL = 'https://api.twilio.com'"),
    (twilio_rest_in_one_place, "cli.py", "client.calls.create(to=number)"),
    (twilio_rest_in_one_place, "cli.py", "await client.messages.create_async(to=number)"),
    (twilio_rest_in_one_place, "bench/crm.py", "from twilio.rest import Client"),
    (twilio_rest_in_one_place, "bench/crm.py", "import twilio.rest"),
    (twilio_rest_in_one_place, "cli.py", "await rest._post('x', form)"),
    (twilio_rest_in_one_place, "cli.py", "self.twilio_rest._allowed |= {number}"),
    (gate_before_the_wire, TWILIO_REST, "async def ring(self, to):\n  self._post('Calls.json')"),
    (
        gate_before_the_wire,
        TWILIO_REST,
        f"{GATED}async def send_sms(self, to):\n  await self._post('Messages.json', form)",
    ),
    (
        gate_before_the_wire,
        TWILIO_REST,
        f"{GATED}async def send_sms(self, to):\n  self._check_gate(to)\n"
        "  await self._post('Messages.json', a)\n  await self._post('Messages.json', b)",
    ),
    (gate_before_the_wire, TWILIO_REST, "X = 1"),
    (no_print, "voicecore/net/app.py", "print('x')"),
    (no_print, "crm/pool.py", "breakpoint()"),
    (documented, "crm/pool.py", "X = 1"),
    (documented, "crm/pool.py", '"""A pool."""\ndef f(): ...'),
    (documented, "crm/pool.py", '"""A pool."""\nclass A: ...'),
    (documented, "crm/pool.py", '"""A pool."""\nclass A:\n  """An a."""\n  async def f(self): ...'),
    (documented, "crm/p.py", '"""P."""\nclass A(Protocol):\n  """An a."""\n  def f(self): ...'),
    (never_hidden_types, "voicecore/call/step.py", "x = f()  # type: ignore[arg-type]"),
]

GOOD_SNIPPETS: list[tuple[Callable[[Source], Iterator[str]], str, str]] = [
    (tasks_in_one_place, "voicecore/net/tasks.py", "asyncio.create_task(f())"),
    (tasks_in_one_place, "voicecore/sandbox/twilio.py", "group.create_task(f())"),
    (no_broad_except, "crm/pool.py", "try:\n  f()\nexcept BaseException:\n  close()\n  raise"),
    (no_broad_except, "crm/pool.py", "try:\n  f()\nexcept OSError:\n  pass"),
    (environment_only_in_config, "voicecore/config.py", "import os\nos.environ['X']"),
    (twilio_rest_in_one_place, "voicecore/net/twilio_rest.py", "post('Calls.json')"),
    (
        gate_before_the_wire,
        TWILIO_REST,
        f"{GATED}async def send_sms(self, to):\n  '''Send.'''\n  self._check_gate(to)\n"
        "  await self._post('Messages.json', form)",
    ),
    (twilio_rest_in_one_place, "cli.py", "completions.create(messages=messages)"),
    (no_print, "crm/pool.py", "console.print('x')"),
    (
        documented,
        "crm/p.py",
        '"""P."""\nclass A(Protocol):\n  """An a."""\n  @property\n  def f(self): ...',
    ),
    (documented, "crm/p.py", '"""P."""\ndef _f(): ...'),
    (never_hidden_types, "voicecore/net/llm.py", "x = f()  # type: ignore[arg-type]"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD_SNIPPETS)
def test_the_rule_sees_the_bad_snippet(
    rule: Callable[[Source], Iterator[str]], path: str, text: str
) -> None:
    findings = list(rule(Source(path, text)))
    assert findings
    assert findings[0].startswith(f"{path}:")


@pytest.mark.parametrize(("rule", "path", "text"), GOOD_SNIPPETS)
def test_the_rule_lets_the_good_snippet_pass(
    rule: Callable[[Source], Iterator[str]], path: str, text: str
) -> None:
    assert list(rule(Source(path, text))) == []


def test_every_rule_has_a_snippet_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BAD_SNIPPETS} == set(RULES)


def test_the_whole_product_is_looked_at() -> None:
    paths = {source.path for source in product_sources()}
    assert all(any(path.startswith(name) for path in paths) for name in PRODUCT)
    assert {"voicecore/call/step.py", "crm/pool.py", "cli.py"} <= paths


@pytest.mark.parametrize("folder", ["audio", "wire", "call"])
def test_every_pure_module_has_its_own_test_file(folder: str) -> None:
    assert untested_modules(folder) == []


def test_a_module_without_its_test_file_is_seen(tmp_path: Path) -> None:
    home = tmp_path / "voicecore" / "wire" / "deep"
    home.mkdir(parents=True)
    (home / "tested.py").touch()
    (home / "forgotten.py").touch()
    (home / "__init__.py").touch()
    tests = tmp_path / "tests" / "wire" / "deep"
    tests.mkdir(parents=True)
    (tests / "test_tested.py").touch()

    assert untested_modules("wire", tmp_path) == ["voicecore/wire/deep/forgotten.py"]
