"""Readers for a dialog that has no records behind it: they take what is written, and no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voicecore.dialog import phrases
from voicecore.dialog.plain_words import plain_text
from voicecore.dialog.ports import SlotReading

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


@dataclass(frozen=True, slots=True)
class PlainReading:
    """A value, or what is wrong and the question for the caller."""

    value: str = ""
    error: str = ""
    ask: str = ""


class PlainReaders:
    """Reads what is written out already; spoken forms are asked back."""

    def code(self, said: str) -> str:
        """Return the letters and digits."""
        return "".join(character for character in said if character.isalnum()).upper()

    def plate(self, said: str) -> SlotReading:
        """Take the letters and digits."""
        return PlainReading(self.code(said))

    def vin(self, said: str, on_file: Sequence[str]) -> SlotReading:
        """Take seventeen characters that a VIN may have."""
        vin = self.code(said)
        if _VIN.fullmatch(vin):
            return PlainReading(vin)
        return PlainReading(error="vin_invalid", ask=phrases.ASK_VIN)

    def email(self, said: str) -> SlotReading:
        """Take a written address."""
        if _EMAIL.fullmatch(said):
            return PlainReading(said)
        return PlainReading(error="email_invalid", ask=phrases.ASK_EMAIL)

    def name(self, said: str) -> SlotReading:
        """Take the words, each with a capital."""
        return PlainReading(plain_text(said).title())
