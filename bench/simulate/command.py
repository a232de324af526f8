"""The command `simulate`: plays the scenarios and tells whether all of them passed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.simulate.report import show, write_json
from bench.simulate.script import Script, load_scripts
from bench.simulate.suite import (
    SCENARIOS,
    ScenarioResult,
    for_a_real_model,
    play_all,
    simulated_shop,
)
from voicecore.config import Settings, is_set
from voicecore.errors import SettingsError
from voicecore.net.llm import LlmStream


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What is to be played; `repeat` times each, with the real model where `real_llm` says so."""

    only: Sequence[str] = ()
    repeat: int = 1
    real_llm: bool = False
    json_path: Path | None = None


async def simulate(options: SimulateOptions, settings: Settings) -> bool:
    """Play, print and write the report; returns whether everything passed.

    Raises:
        ScriptError: a scenario cannot be read, or there is none of that name.
        SettingsError: the real model was asked for, but there is no key.
    """
    console = Console()
    scripts = load_scripts(SCENARIOS, options.only)
    if options.real_llm:
        scripts = for_a_real_model(scripts)
    async with _model(options, settings) as llm:
        with _silent():
            results = await _play(scripts, options.repeat, llm, console)
    show(console, results, repeat=options.repeat)
    if options.json_path is not None:
        write_json(options.json_path, results)
    return all(result.is_green for result in results)


async def _play(
    scripts: Sequence[Script], repeat: int, llm: LlmStream | None, console: Console
) -> list[ScenarioResult]:
    async with simulated_shop(llm) as shop:
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("calls", total=len(scripts))
            return await play_all(
                shop, scripts, repeat=repeat, on_result=lambda result: bar.advance(task)
            )


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the engine's log away: failures that a scenario orders are expected."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@asynccontextmanager
async def _model(options: SimulateOptions, settings: Settings) -> AsyncIterator[LlmStream | None]:
    """The real model's client, or None for the stand-in."""
    if not options.real_llm:
        yield None
        return
    if not is_set(settings, "openai_api_key"):
        raise SettingsError(("OPENAI_API_KEY: is missing, and --real-llm needs it",))
    llm = LlmStream(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        fallback_model=settings.openai_fallback_model,
    )
    try:
        yield llm
    finally:
        await llm.aclose()
