"""A call on the terminal while it runs: who speaks, which tools run, how fast each answer came."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from voicecore.call.commands import AskLlm, Command, Note, RunTool, Speak
from voicecore.call.events import Event, ToolFinished
from voicecore.call.history import CallerSaid, HistoryItem
from voicecore.call_info import CallInfo

NAME_WIDTH = 8
STYLES = {"caller": "bold cyan", "agent": "bold green", "tool": "yellow", "call": "dim"}


class LiveTranscript:
    """An observer that prints; on a terminal in colours, elsewhere plain lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._zero = 0.0
        self._printed_turns: set[int] = set()
        self._tools: dict[str, str] = {}

    def started(self, info: CallInfo, at: float) -> None:
        """Print that the call is connected."""
        self._zero = at
        self._line(at, "call", f"connected, {info.from_e164 or 'number withheld'}")

    def stepped(self, event: Event, commands: tuple[Command, ...]) -> None:
        """Print what one step made audible or did."""
        if isinstance(event, ToolFinished):
            name = self._tools.pop(event.call_id, "tool")
            self._line(event.at, "tool", f"{name} -> {event.content}")
        for command in commands:
            match command:
                case AskLlm(turn, history):
                    self._caller(event.at, turn, history[-1] if history else None)
                case RunTool(call_id=call_id, name=name, arguments=arguments):
                    self._tools[call_id] = name
                    self._line(event.at, "tool", f"{name} {arguments}")
                case Speak(text=text):
                    self._line(event.at, "agent", text)
                case Note("barge_in", facts):
                    self._line(event.at, "call", f"barge-in: {facts.get('kind')}")
                case _:
                    pass

    def turn_timed(self, at: float, facts: dict[str, str | int | float | bool | None]) -> None:
        """Print how fast an answer came, as the engine sees it."""
        parts = [
            f"{name.removesuffix('_ms').replace('_', ' ')} {value:.0f} ms"
            for name, value in facts.items()
            if name.endswith("_ms") and isinstance(value, float)
        ]
        if facts.get("turn"):
            self._line(at, "call", f"turn {facts['turn']}: " + ", ".join(parts))

    def caller_audio(self, at: float, audio: bytes) -> None:
        """Nothing to print."""

    def agent_audio(self, at: float, audio: bytes) -> None:
        """Nothing to print."""

    def ended(self, at: float, history: tuple[HistoryItem, ...]) -> None:
        """Print the end."""
        self._line(at, "call", "over")

    def _caller(self, at: float, turn: int, last: object) -> None:
        if isinstance(last, CallerSaid) and turn not in self._printed_turns:
            self._printed_turns.add(turn)
            self._line(at, "caller", last.text)

    def _line(self, at: float, who: str, text: str) -> None:
        line = Text(f"{at - self._zero:7.2f}  ", style="dim")
        line.append(f"{who:<{NAME_WIDTH}}", style=STYLES[who])
        line.append(text, style="" if who in ("caller", "agent") else STYLES[who])
        self._console.print(line, soft_wrap=not self._console.is_terminal)
