"""The command `simulate`: plays the scenarios and tells whether all of them passed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.simulate.real_time import Serve, for_real_time, play_in_lanes, real_lanes
from bench.simulate.report import show, write_json
from bench.simulate.script import Script, ScriptError, load_scripts
from bench.simulate.suite import (
    SCENARIOS,
    ScenarioResult,
    for_a_real_model,
    play_all,
    simulated_shop,
)
from bench.simulate.virtual_shop import Played
from voicecore.config import Settings, is_set
from voicecore.errors import SettingsError
from voicecore.net.llm import LlmStream


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What is to be played: the scenarios of `folder`, `repeat` times each.

    `real_llm`: with the model of the settings instead of the stand-in. `real_time`: over sockets,
    with speech that is heard, `parallel` calls side by side.
    """

    folder: Path = SCENARIOS
    only: Sequence[str] = ()
    repeat: int = 1
    real_llm: bool = False
    real_time: bool = False
    parallel: int = 4
    json_path: Path | None = None


async def simulate(options: SimulateOptions, settings: Settings, serve: Serve) -> bool:
    """Play, print and write the report; returns whether everything passed.

    `serve` starts a worker; it is asked for only in real time.

    Raises:
        ScriptError: a scenario cannot be read, or there is none of that name.
        SettingsError: the real model was asked for, but there is no key.
    """
    console = Console()
    scripts = load_scripts(options.folder, options.only)
    if options.real_llm:
        scripts = for_a_real_model(scripts)
    if options.real_time:
        scripts = for_real_time(scripts)
    if not scripts:
        raise ScriptError("none of these scenarios can be played like this")
    with _silent():
        if options.real_time:
            results = await _play_in_real_time(scripts, options, settings, serve, console)
        else:
            async with _model(options, settings) as llm:
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


async def _play_in_real_time(
    scripts: Sequence[Script],
    options: SimulateOptions,
    settings: Settings,
    serve: Serve,
    console: Console,
) -> list[ScenarioResult]:
    calls = len(scripts) * options.repeat
    model = _model_settings(settings) if options.real_llm else {}
    async with real_lanes(serve, min(options.parallel, calls), model) as lanes:
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("calls", total=calls)

            def tell(call: Played) -> None:
                bar.advance(task)
                state = "[red]failed[/red]" if call.problems else "passed"
                console.print(f"{call.name}, seed {call.seed}: {state}, {call.duration_s:.0f} s")

            played = await play_in_lanes(lanes, scripts, options.repeat, tell)
    return [
        ScenarioResult(name=script.name, about=script.about, runs=tuple(runs))
        for script, runs in zip(scripts, played, strict=True)
    ]


def _model_settings(settings: Settings) -> dict[str, object]:
    """Return the settings of the real model.

    Raises:
        SettingsError: there is no key.
    """
    if not is_set(settings, "openai_api_key"):
        raise SettingsError(("OPENAI_API_KEY: is missing, and --real-llm needs it",))
    names = ("openai_api_key", "openai_base_url", "openai_model", "openai_fallback_model")
    return {name: getattr(settings, name) for name in names}


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
    _model_settings(settings)
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
