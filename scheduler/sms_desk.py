"""The text messages of a call: a code at once, a confirmation as a job that survives the call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from crm.pool import transaction_of
from crm.principal import RowSecurity
from scheduler.errors import UnknownRecordError
from scheduler.jobs import JobQueue
from scheduler.sms import enqueue_sms

CONFIRMATION = "sms_confirmation"
_VERSION = "SELECT version FROM appointments WHERE appointment_id = $1"


class SmsDesk:
    """What the dialog sends texts with; `link` gives an appointment's own address."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        jobs: JobQueue,
        *,
        send_now: Callable[[str, str], Awaitable[str]],
        admits: Callable[[str], bool],
        link: Callable[[int], str],
    ) -> None:
        self._pool = pool
        self._jobs = jobs
        self._send_now = send_now
        self._admits = admits
        self._link = link

    async def send_sms(self, to_e164: str, body: str) -> str:
        """Send `body` while the caller waits, and return its SID; raises as the sender does."""
        return await self._send_now(to_e164, body)

    async def send_confirmation(self, appointment_id: int, to_e164: str, body: str) -> str:
        """Have `body` and the appointment's link sent soon, once; return the name of the job.

        Raises:
            SmsNotSentError: the gate is shut for this number, or it has sent STOP.
            UnknownRecordError: there is no such appointment.
            DatabaseError: the database failed; repeating is safe.
        """
        # Jobs belong to the shop, not to the caller, whose rights hold no queue.
        with RowSecurity.as_shop():
            async with transaction_of(self._pool, "write a confirmation down") as conn:
                version = await conn.fetchval(_VERSION, appointment_id)
                if version is None:
                    raise UnknownRecordError("appointment_id")
                await enqueue_sms(
                    self._jobs,
                    conn,
                    appointment_id=appointment_id,
                    version=version,
                    about=CONFIRMATION,
                    to_e164=to_e164,
                    body=f"{body} Calendar: {self._link(appointment_id)}",
                    admits=self._admits,
                )
        return f"{CONFIRMATION} {appointment_id} {version}"
