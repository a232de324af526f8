"""Who the caller is, as far as they have shown it: a ladder that only code can climb.

Caller ID is a hint, because it can be forged. Somebody who calls from a number on file and also
says that number, or who says a number on file together with a matching fact, may use their own
appointments; contact details need a code sent to the number on file.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum

from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.ports import CallerRecord
from voicecore.dialog.slots import same_name, same_plate
from voicecore.dialog.spoken_numbers import spoken_digits

MOST_MISSES = 3
"""Wrong facts after which no account is opened on this call any more."""
CODE_VALID = timedelta(minutes=10)
MOST_CODE_TRIES = 5


class Rung(IntEnum):
    """How much the caller has shown; a higher rung includes the lower ones."""

    ANONYMOUS = 0
    NUMBER_ON_FILE = 1
    ONE_FACT = 2
    SMS_CODE = 3


class Identity:
    """The caller's place on the ladder during one call.

    `record` is set from `ONE_FACT` on; below it nothing of a record may be told.
    """

    def __init__(self, caller_e164: str | None) -> None:
        self.caller_e164 = caller_e164
        self.rung = Rung.ANONYMOUS
        self.record: CallerRecord | None = None
        self.phone_e164: str | None = None
        self._misses = 0
        self._code: str | None = None
        self._code_until: datetime | None = None
        self._code_tries = 0

    @property
    def locked(self) -> bool:
        """True after too many wrong facts."""
        return self._misses >= MOST_MISSES

    def note_number_on_file(self) -> None:
        """The line itself is known; grants nothing but a neutral greeting."""
        self.rung = max(self.rung, Rung.NUMBER_ON_FILE)

    def prove(
        self, phone_e164: str, records: Sequence[CallerRecord], *, name: str, plate: str
    ) -> CallerRecord | None:
        """Return the one of `records` that the facts prove to be the caller's; None otherwise.

        Only a fact that was given and does not match counts as a miss. `become` climbs.
        """
        if self.locked:
            return None
        own_line = phone_e164 == self.caller_e164
        fits = [
            record
            for record in records
            if _fits(record, name=name, plate=plate, first_alone=own_line)
        ]
        if len(fits) == 1 and (own_line or name or plate):
            return fits[0]
        if (name or plate) and not fits:
            self._misses += 1
        return None

    def become(self, record: CallerRecord, phone_e164: str) -> None:
        """Take `record` as the caller's own: `ONE_FACT`, or higher for the same person."""
        if self.record is None or self.record.customer.customer_id != record.customer.customer_id:
            self.rung = Rung.ONE_FACT
            self._code = None
        self.record = record
        self.phone_e164 = phone_e164

    def issue_code(self, now: datetime) -> str:
        """Make the six-digit code that is sent to the number on file."""
        self._code = f"{secrets.randbelow(10**6):06d}"
        self._code_until = now + CODE_VALID
        self._code_tries = 0
        return self._code

    def check_code(self, said: str, now: datetime) -> bool:
        """Climb to `SMS_CODE` if `said` is the code, still valid and not tried too often."""
        if self._code is None or self._code_until is None or now > self._code_until:
            return False
        self._code_tries += 1
        if self._code_tries > MOST_CODE_TRIES:
            return False
        if not hmac.compare_digest(spoken_digits(said).encode(), self._code.encode()):
            return False
        self._code = None
        self.rung = Rung.SMS_CODE
        return True


def _fits(record: CallerRecord, *, name: str, plate: str, first_alone: bool) -> bool:
    customer = record.customer
    if name and not (
        same_name(name, customer.first_name, customer.last_name)
        or (first_alone and plain_words(name) == plain_words(customer.first_name))
    ):
        return False
    return not plate or any(same_plate(plate, car.plate) for car in record.vehicles)
