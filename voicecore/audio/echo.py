"""Is it the caller, or our own voice coming back? A guard for the start of a voice.

Theory of operation. The agent's audio is kept as one level per 20 ms on the time line on which it
plays. Echo is that line again, later and weaker: so for every delay up to 800 ms the guard keeps
a running correlation between the levels sent and the levels received. Once one delay stands out,
its gain is known too, and with it the echo to expect in the next frame: a voice must rise
`ABOVE_ECHO_DB` above it to count. Until enough of the agent was heard to know, an echo path of
`PRIOR_GAIN_DB` is assumed. A caller who talks at the same time is louder than the echo, and is not
learnt from; the path found stays known over such talk, and is forgotten when for 10 s of the
agent's voice nothing speaks for it any more.

Levels are dBov; times are seconds on the caller's clock.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from voicecore.audio.mulaw import FRAME_BYTES, FRAME_MS, decode

ABOVE_ECHO_DB = 9.0
"""How far a caller must be above the expected echo."""
PRIOR_GAIN_DB = -20.0
"""The echo path before it is known: a poor one."""
MAX_DELAY_MS = 800
"""Longest echo delay that is looked for; the playout's lead is not part of it."""

_QUIET_DB = -90.0
_AUDIBLE_DB = -55.0
_LOUD_DB = -40.0
_LAGS = MAX_DELAY_MS // FRAME_MS + 1
_DELAYS = np.arange(_LAGS)
_HOPS = 128
_HOP_S = FRAME_MS / 1000
_LEARN_FRAMES = 75
_FORGET = 1 - 1 / 75
_CERTAIN = 0.6
_CONCLUDE_FRAMES = 5
_MOST_DOUBT = 500
_FULL_SCALE = 32768.0
_SQUARE_OF_CODE: NDArray[np.float64] = (
    decode(np.arange(256, dtype=np.uint8).data) / _FULL_SCALE
) ** 2


class EchoGuard:
    """Learns one call's echo path from what was sent and what came back."""

    __slots__ = (
        "_doubt",
        "_frames",
        "_gain_db",
        "_lag",
        "_newest_hop",
        "_plays_until_s",
        "_row",
        "_sent_db",
        "_square_in",
        "_sum_in",
        "_sums",
        "_weight",
    )

    def __init__(self) -> None:
        self._sent_db: NDArray[np.float64] = np.full(_HOPS, _QUIET_DB)
        self._newest_hop = 0
        self._plays_until_s = -math.inf
        self._frames = 0
        self._lag: int | None = None
        self._gain_db = 0.0
        self._doubt = 0
        # Sums that forget, one column for each delay. Rows: level out, its square, product with
        # the level in, loud or not, gain where loud.
        self._sums: NDArray[np.float64] = np.zeros((5, _LAGS))
        self._row: NDArray[np.float64] = np.zeros((5, _LAGS))
        self._weight = 0.0
        self._sum_in = 0.0
        self._square_in = 0.0

    def sent(self, audio: bytes, now_s: float) -> None:
        """Note audio that goes to the wire now and plays behind what was sent before."""
        start_s = max(self._plays_until_s, now_s)
        self._plays_until_s = start_s + len(audio) / (FRAME_BYTES / _HOP_S)
        codes = np.frombuffer(audio, dtype=np.uint8)
        first = round(start_s / _HOP_S)
        for index in range(min(-(-codes.size // FRAME_BYTES), _HOPS - _LAGS)):
            frame = codes[index * FRAME_BYTES : (index + 1) * FRAME_BYTES]
            energy = float(_SQUARE_OF_CODE[frame].mean())
            self._advance(first + index)
            self._sent_db[(first + index) % _HOPS] = _level_db(energy)

    def cleared(self, now_s: float) -> None:
        """Note that a clear went to the wire: nothing more plays."""
        self._plays_until_s = min(self._plays_until_s, now_s)
        hop = math.ceil(now_s / _HOP_S)
        for later in range(max(hop, self._newest_hop - _HOPS + 1), self._newest_hop + 1):
            self._sent_db[later % _HOPS] = _QUIET_DB

    def threshold_db(self, now_s: float) -> float:
        """Return the level that a frame arriving now must exceed; -90 where no echo can be."""
        if not self._may_echo(now_s):
            return _QUIET_DB
        if self._lag is not None:
            return self._expected_db(now_s, self._lag) + ABOVE_ECHO_DB
        loudest_db = float(self._recent_db(now_s).max())
        if loudest_db < _AUDIBLE_DB:
            return _QUIET_DB
        if self._frames < _LEARN_FRAMES:
            return loudest_db + PRIOR_GAIN_DB + ABOVE_ECHO_DB
        return _QUIET_DB + ABOVE_ECHO_DB

    def learn(self, level_db: float, now_s: float) -> None:
        """Learn from the level of a frame that arrived now and is not the caller's voice."""
        if not self._may_echo(now_s):
            return
        if self._is_caller(level_db, now_s):
            self._doubt_it(1)
            return
        out_db, square, product, loud, gain = row = self._row
        out_db[:] = self._recent_db(now_s)
        np.multiply(out_db, out_db, out=square)
        np.multiply(out_db, level_db, out=product)
        # Pauses of the agent say nothing about the gain: what is heard then is the line's noise.
        loud[:] = out_db > _LOUD_DB
        np.subtract(level_db, out_db, out=gain)
        gain *= loud
        self._sums *= _FORGET
        self._sums += row
        self._weight = self._weight * _FORGET + 1.0
        self._sum_in = self._sum_in * _FORGET + level_db
        self._square_in = self._square_in * _FORGET + level_db * level_db
        self._frames += 1
        if self._frames >= _LEARN_FRAMES and self._frames % _CONCLUDE_FRAMES == 0:
            self._conclude()

    def correlation(self) -> float:
        """Return how surely something comes back, -1 to 1."""
        return float(self._correlations().max()) if self._weight else 0.0

    def _may_echo(self, now_s: float) -> bool:
        return now_s <= self._plays_until_s + MAX_DELAY_MS / 1000

    def _recent_db(self, now_s: float) -> NDArray[np.float64]:
        """Return the sent level at each delay, delay 0 first."""
        hop = round(now_s / _HOP_S)
        self._advance(hop)
        return self._sent_db[(hop - _DELAYS) % _HOPS]

    def _advance(self, hop: int) -> None:
        """Make room up to `hop`; what was never sent is quiet."""
        ahead = hop - self._newest_hop
        if ahead > 0:
            for later in range(hop - min(ahead, _HOPS) + 1, hop + 1):
                self._sent_db[later % _HOPS] = _QUIET_DB
            self._newest_hop = hop

    def _correlations(self) -> NDArray[np.float64]:
        mean_in = self._sum_in / self._weight
        mean_out, square_out, product, _, _ = self._sums / self._weight
        spread_in = max(self._square_in / self._weight - mean_in**2, 1.0)
        spread_out = np.maximum(square_out - mean_out**2, 1.0)
        correlations: NDArray[np.float64] = (product - mean_out * mean_in) / np.sqrt(
            spread_in * spread_out
        )
        return correlations

    def _is_caller(self, level_db: float, now_s: float) -> bool:
        """Tell whether a frame is louder than the known echo while there is one."""
        if self._lag is None:
            return False
        least_db = self._expected_db(now_s, self._lag) + ABOVE_ECHO_DB
        return level_db > least_db > _AUDIBLE_DB

    def _expected_db(self, now_s: float, lag: int) -> float:
        """Return the echo of the known path, or the quiet of a pause."""
        hop = round(now_s / _HOP_S) - lag
        self._advance(hop + lag)
        # The true delay lies between two hops: the louder neighbour is what may come back.
        sent_db = max(self._sent_db[(hop + near) % _HOPS] for near in (-1, 0, 1))
        return max(_QUIET_DB, float(sent_db) + self._gain_db)

    def _conclude(self) -> None:
        """See whether one delay stands out, and take it; else doubt the one taken before."""
        correlations = self._correlations()
        lag = int(correlations.argmax())
        loud = float(self._sums[3, lag])
        if correlations[lag] >= _CERTAIN and loud >= 1.0:
            self._lag = lag
            self._gain_db = min(float(self._sums[4, lag]) / loud, 0.0)
            self._doubt = 0
        elif self._lag is not None:
            self._doubt_it(_CONCLUDE_FRAMES)

    def _doubt_it(self, frames: int) -> None:
        self._doubt += frames
        if self._doubt >= _MOST_DOUBT:
            self._lag = None
            self._doubt = 0
            self._frames = 0


def _level_db(energy: float) -> float:
    return max(_QUIET_DB, 10.0 * math.log10(energy)) if energy > 0.0 else _QUIET_DB
