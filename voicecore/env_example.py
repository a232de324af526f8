"""`.env.example`, written from `Settings` so that the two cannot drift apart."""

from __future__ import annotations

import textwrap

from pydantic import SecretStr

from voicecore.config import Settings

HEADER = """\
# Settings of voicecore. Copy to .env and fill in what you have: whatever has no key here runs
# against a stand-in on this machine. Made by `make env-example`; do not edit by hand.
"""

VENDORS = {
    "twilio": "Twilio",
    "deepgram": "Deepgram",
    "openai": "Language model",
    "google": "Google Calendar",
    "shop": "The service centre",
    "database": "Data",
}


def render_env_example() -> str:
    """The whole file: every setting with its meaning and its default."""
    lines = [HEADER]
    for name, field in Settings.model_fields.items():
        heading = VENDORS.get(name.split("_")[0])
        if heading is not None and f"# == {heading} ==" not in lines:
            lines += ["", f"# == {heading} =="]
        lines += textwrap.wrap(
            field.description or "", width=98, initial_indent="# ", subsequent_indent="# "
        )
        lines.append(f"{name.upper()}={_text(field.default)}")
    return "\n".join(lines) + "\n"


def _text(default: object) -> str:
    match default:
        case SecretStr():
            return default.get_secret_value()
        case tuple():
            return ",".join(str(item) for item in default)
        case _:
            return str(default)
