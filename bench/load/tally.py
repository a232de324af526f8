"""What callers measure in one window."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Times in ms, in the order in which they were taken."""

    onset_to_clear: list[float] = field(default_factory=list)
    """Caller's first sample spoken to `clear` received, while the agent had 100 ms to say."""
    frame_to_clear: list[float] = field(default_factory=list)
    """Last frame sent to `clear` received: the decisive frame, as long as it is below 20 ms."""
    voice_to_voice: list[float] = field(default_factory=list)
    """Caller's last sample spoken to the agent's first frame received."""
    greeting: list[float] = field(default_factory=list)
    """Start of the stream to the agent's first frame."""
    lateness: list[float] = field(default_factory=list)
    """Each media message against the earliest schedule that its reply has kept."""
    load_lateness: list[float] = field(default_factory=list)
    """How late the callers' own clock was: above a few ms the load is the bottleneck."""
    replies: int = 0
    underruns: int = 0
    missed_clears: int = 0
    stale_ms: float = 0.0
    """Agent audio received between a `clear` and the end of the caller's words."""
    frames_in: int = 0
    frames_out: int = 0
    messages_in: int = 0
    errors: list[str] = field(default_factory=list)
