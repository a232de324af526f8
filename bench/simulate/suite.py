"""Plays many scenarios, some of them many times, and says how often each one passed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

from bench.simulate.direct_model import DirectModel
from bench.simulate.script import Script
from bench.simulate.shop_rows import prepare_database
from bench.simulate.virtual_shop import Played, VirtualShop, Watch, unwatched, virtual_shop
from voicecore.net.llm import LlmStream
from voicecore.sandbox.openai_misbehaving import POLICIES
from voicecore.sandbox.postgres import EmbeddedPostgres

SCENARIOS = Path(__file__).resolve().parents[2] / "tests" / "scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """All runs of one scenario."""

    name: str
    about: str
    runs: tuple[Played, ...]

    @property
    def passed(self) -> int:
        """How many runs ended as they should."""
        return sum(not run.problems for run in self.runs)

    @property
    def is_green(self) -> bool:
        """Whether all of them did."""
        return self.passed == len(self.runs)

    def pass_hat(self, k: int) -> float:
        """Return pass^k: the chance that `k` runs drawn from these all passed.

        Source: Yao et al., tau-bench (arXiv 2406.12045), section 3.
        """
        runs = len(self.runs)
        return comb(self.passed, k) / comb(runs, k) if 0 < k <= runs else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        last = next((run for run in self.runs if run.problems), self.runs[-1])
        return {
            "name": self.name,
            "about": self.about,
            "passed": self.passed,
            "runs": len(self.runs),
            "pass_at_1": round(self.pass_hat(1), 4),
            "pass_hat_k": round(self.pass_hat(len(self.runs)), 4),
            "turns": last.turns,
            "tool_calls": len(last.tools),
            "tools": dict(Counter(last.tools)),
            "duration_s": last.duration_s,
            "wall_s": round(sum(run.wall_s for run in self.runs), 3),
            "outcome": last.rows.outcome,
            "end": [
                {
                    "customer": customer,
                    "vehicle": vehicle,
                    "service": service,
                    "start": start.isoformat(),
                    "status": status,
                }
                for customer, vehicle, service, start, status in last.rows.appointments
            ],
            "texts": len(last.texts),
            "problems": list(last.problems),
            "transcript": last.transcript().splitlines() if last.problems else [],
        }


@asynccontextmanager
async def simulated_shop(llm: LlmStream | None = None) -> AsyncIterator[VirtualShop]:
    """A shop in a PostgreSQL of its own that is gone afterwards; never anybody's database."""
    with EmbeddedPostgres(durable=False) as server:
        await prepare_database(server.dsn())
        async with virtual_shop(server.dsn(), llm or DirectModel()) as shop:
            yield shop


async def play_all(
    shop: VirtualShop,
    scripts: Sequence[Script],
    *,
    repeat: int = 1,
    on_result: Callable[[ScenarioResult], None] = lambda result: None,
) -> list[ScenarioResult]:
    """Play every scenario `repeat` times, each time with other delays."""
    results = []
    for script in scripts:
        runs = [await play_one(shop, script, seed) for seed in range(repeat)]
        result = ScenarioResult(name=script.name, about=script.about, runs=tuple(runs))
        on_result(result)
        results.append(result)
    return results


async def play_one(
    shop: VirtualShop, script: Script, seed: int = 0, *, watch: Watch = unwatched
) -> Played:
    """Play one scenario with the model that it asks for."""
    model = shop.llm
    if isinstance(model, DirectModel):
        model.policy = POLICIES[script.model]
    return await shop.play(script, seed, watch=watch)


def for_a_real_model(scripts: Iterable[Script]) -> list[Script]:
    """Keep the scenarios that need no model of a certain kind."""
    return [script for script in scripts if script.model == "normal"]
