"""Why we ring somebody: the appointment that they are to be reminded of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """The appointment behind a call of ours.

    `phone_e164` is the number on file that is rung; `first_name` is all that may be said before
    the customer has answered.
    """

    appointment_id: int
    phone_e164: str
    first_name: str
