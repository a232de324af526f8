"""Who the caller is, as far as they have shown it: a ladder that only code can climb.

Caller ID is a hint, because it can be forged. Somebody who says a number on file together with a
matching fact may use their own appointments; to call from that number counts as the fact, unless
the shop has decided otherwise (docs/adr/0014). Contact details need a code sent to the number on
file.

Both walls stand on what is decided here: the tools work for `record`, the database shows the rows
of `principal`. A record is taken only after `prove`, `admit` or another proof has let it in.
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
from voicecore.dialog.spoken_numbers import digit_readings

MOST_MISSES = 3
"""Wrong facts after which no account is opened on this call any more."""
CODE_DIGITS = 6
CODE_VALID = timedelta(minutes=10)
MOST_CODE_TRIES = 5
MOST_CODES = 3
"""Codes that one call may have sent; each one starts anew with its tries."""


class Rung(IntEnum):
    """How much the caller has shown; a higher rung includes the lower ones."""

    ANONYMOUS = 0
    NUMBER_ON_FILE = 1
    ONE_FACT = 2
    SMS_CODE = 3


class NotProvedError(Exception):
    """A record was to be taken as the caller's own without any proof: a bug, never bad luck."""


class Identity:
    """The caller's place on the ladder during one call.

    `record` is set from `ONE_FACT` on; below it nothing of a record may be told.
    """

    def __init__(self, caller_e164: str | None, *, own_line_proves: bool = True) -> None:
        self.caller_e164 = caller_e164
        self.own_line_proves = own_line_proves
        self.rung = Rung.ANONYMOUS
        self.record: CallerRecord | None = None
        self.phone_e164: str | None = None
        self.codes_sent: list[str] = []
        """Every code of this call, so that none is repeated to anybody; never to be shown."""
        self._misses = 0
        self._admitted: set[int] = set()
        self._principal: int | None = None
        self._code: str | None = None
        self._code_until: datetime | None = None
        self._code_tries = 0

    @property
    def principal(self) -> int | None:
        """The customer whose rows the call may reach; None: nobody's."""
        return self._principal

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

        Only a fact that was given and does not match counts as a miss; the third one takes the
        caller back to the foot of the ladder for the rest of the call. `become` climbs.
        """
        if self.locked:
            return None
        proved, wrong = self._judge(phone_e164, records, name, plate)
        if wrong:
            self._misses += 1
            if self.locked:
                self._fall()
        return proved

    def prove_new(
        self, phone_e164: str, records: Sequence[CallerRecord], *, name: str
    ) -> CallerRecord | None:
        """Return who of `records` registers again; a name that is not on file is no wrong fact."""
        return None if self.locked else self._judge(phone_e164, records, name, "")[0]

    def admit(self, customer_id: int) -> None:
        """Let a customer in who is proved to be the caller in another way, such as by registering.

        Raises:
            NotProvedError: the call is locked.
        """
        if self.locked:
            raise NotProvedError
        self._admitted.add(customer_id)

    def become(self, record: CallerRecord, phone_e164: str) -> None:
        """Take `record` as the caller's own: `ONE_FACT`, or higher for the same person.

        Raises:
            NotProvedError: nothing has shown that it is.
        """
        customer_id = record.customer.customer_id
        if self.locked or customer_id not in self._admitted:
            raise NotProvedError
        if self._principal != customer_id:
            self.rung = Rung.ONE_FACT
            self._code = None
        self.record = record
        self.phone_e164 = phone_e164
        self._principal = customer_id

    def issue_code(self, now: datetime) -> str | None:
        """Make the six-digit code that is sent to the number on file; None: too many were sent."""
        if len(self.codes_sent) >= MOST_CODES:
            return None
        self._code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        self.codes_sent.append(self._code)
        self._code_until = now + CODE_VALID
        self._code_tries = 0
        return self._code

    def code_waits(self, now: datetime) -> bool:
        """Say whether a code was sent that can still be said."""
        if self._code is None or self._code_until is None:
            return False
        return now <= self._code_until and self._code_tries < MOST_CODE_TRIES

    def check_code(self, said: str, now: datetime) -> bool:
        """Climb to `SMS_CODE` if `said` is the code, still valid and not tried too often."""
        if self._code is None or not self.code_waits(now):
            return False
        self._code_tries += 1
        readings = [digits for digits in digit_readings(said) if len(digits) == CODE_DIGITS]
        # All are compared, so that the time tells nothing of which one or how much was right.
        fits = [hmac.compare_digest(digits, self._code) for digits in readings[:MOST_CODE_TRIES]]
        if not any(fits):
            return False
        self._code = None
        self.rung = Rung.SMS_CODE
        return True

    def _judge(
        self, phone_e164: str, records: Sequence[CallerRecord], name: str, plate: str
    ) -> tuple[CallerRecord | None, bool]:
        """Return whom the facts prove, and whether they were wrong."""
        own_line = phone_e164 == self.caller_e164
        fits = [
            record
            for record in records
            if _fits(record, name=name, plate=plate, first_alone=own_line)
        ]
        if len(fits) == 1 and (name or plate or (own_line and self.own_line_proves)):
            self._admitted.add(fits[0].customer.customer_id)
            return fits[0], False
        return None, bool(name or plate) and not fits

    def _fall(self) -> None:
        self.rung = Rung.ANONYMOUS
        self.record = self.phone_e164 = self._principal = self._code = None
        self._admitted.clear()


def _fits(record: CallerRecord, *, name: str, plate: str, first_alone: bool) -> bool:
    customer = record.customer
    if name and not (
        same_name(name, customer.first_name, customer.last_name)
        or (first_alone and plain_words(name) == plain_words(customer.first_name))
    ):
        return False
    return not plate or any(same_plate(plate, car.plate) for car in record.vehicles)
