"""What a bench of calls per core is to do, and what it has measured so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bench.load.ramp import Step

COMPARED = (20, 40, 80)
"""The numbers of calls at which the cost is set against the relay's."""


class Peer(StrEnum):
    """What can be measured beside the product."""

    RELAY = "relay"
    PIPECAT = "pipecat"


@dataclass(slots=True)
class Plan:
    """How long and how often."""

    runs: int
    window_s: float
    stages: tuple[int, ...]
    peers: tuple[Peer, ...]
    workers: int
    seed: int
    deadline_s: float
    steps: list[Step] = field(default_factory=list)
    at_80: list[Step] = field(default_factory=list)
