"""The one thing that `cli.py book` was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from crm.errors import InputError
from scheduler.hand_answer import Answer
from scheduler.hand_booking import HandDesk, Order
from scheduler.hand_input import EXAMPLE

# Which options belong to which deed; the service itself is a deed: to book it.
GOES_WITH = {
    "at": ("SERVICE", "--reschedule"),
    "customer": ("SERVICE", "--reschedule", "--cancel"),
    "vehicle": ("SERVICE",),
    "technician": ("SERVICE",),
    "hold": ("SERVICE",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BookOptions:
    """What `cli.py book` was given: a service to book, or a hold or an appointment to change."""

    service: str | None = None
    at: str | None = None
    customer: str | None = None
    vehicle: str | None = None
    technician: str | None = None
    hold: bool = False
    confirm: str | None = None
    release: str | None = None
    reschedule: str | None = None
    cancel: str | None = None


async def carry_out(desk: HandDesk, options: BookOptions) -> Answer:
    """Do the one thing that the options ask for.

    Raises:
        InputError: they ask for nothing, for two things, or for what cannot be meant.
        SchedulerError: the database failed.
    """
    deeds = {
        "SERVICE": options.service,
        "--confirm": options.confirm,
        "--release": options.release,
        "--reschedule": options.reschedule,
        "--cancel": options.cancel,
    }
    given = [name for name, value in deeds.items() if value is not None]
    if len(given) != 1:
        raise InputError("book", f"needs one of {', '.join(deeds)}, got {len(given)}")
    _refuse_unused(given[0], options)
    if options.confirm is not None:
        return await desk.confirm(options.confirm)
    if options.release is not None:
        return await desk.release(options.release)
    if options.cancel is not None:
        return await desk.cancel(options.cancel, customer=options.customer)
    if options.at is None:
        raise InputError("--at", f"is missing: when to come, such as {EXAMPLE}")
    if options.reschedule is not None:
        return await desk.reschedule(options.reschedule, options.at, customer=options.customer)
    assert options.service is not None
    order = Order(
        service=options.service,
        at=options.at,
        customer=options.customer,
        vehicle=options.vehicle,
        technician=options.technician,
    )
    return await (desk.hold(order) if options.hold else desk.book(order))


def _refuse_unused(deed: str, options: BookOptions) -> None:
    """Refuse what would be passed over in silence."""
    for name, deeds in GOES_WITH.items():
        if getattr(options, name) not in (None, False) and deed not in deeds:
            raise InputError(f"--{name}", f"does not go with {deed}")
