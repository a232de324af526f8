"""voicecore's command line: the wiring of all parts, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import asyncpg
import orjson
import structlog
import typer
import uvloop
from aiohttp import web
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import Progress

from crm.cache import CustomerCache
from crm.cache_link import open_cache_redis
from crm.cached_directory import CachedDirectory
from crm.call_bookings import CallBooking, bookings_of_call
from crm.calls import CallJournal
from crm.database_probe import OLDEST_SERVER, server_version, unapplied_migrations
from crm.dataset.build import DEFAULT_SEED
from crm.dataset.load import seed_database
from crm.directory import CrmDirectory
from crm.errors import DatabaseError, InputError, MigrationError
from crm.identity_attempts import IdentityAttempts
from crm.migrate import migrate as apply_migrations
from crm.phone_reports import PhoneReports
from crm.pool import close_pool, open_pool
from crm.principal import RowSecurity
from crm.seed import seed_demo
from crm.slot_readers import SlotReaders
from crm.visit_card import visit_card
from crm.workshop import CrmWorkshop
from scheduler.booking import OnChange
from scheduler.busy_cache import BusyCache
from scheduler.cache_invalidation import invalidating
from scheduler.calendar_login import LoginError, OAuthClient, log_in, write_token
from scheduler.calendar_probe import calendar_takes_an_event
from scheduler.calendar_restore import enqueue_restore
from scheduler.calendar_status import CalendarStatus, look_at_calendar
from scheduler.desk import ServiceDesk
from scheduler.errors import SchedulerError, UnknownHolidaysError
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.hand_answer import Answer
from scheduler.hand_booking import (
    ACTOR,
    LIMIT,
    LONGEST_SEARCH_DAYS,
    SEARCH_DAYS,
    HandDesk,
    Wish,
)
from scheduler.hand_order import BookOptions, carry_out
from scheduler.job_desk import STATUSES, JobDesk
from scheduler.jobs import JobQueue
from scheduler.offers import Choice
from scheduler.opening_times import OpeningTimes
from scheduler.phone_desk import PhoneDesk
from scheduler.public_holidays import PublicHolidays
from scheduler.reminder_plan import PlannedReminder, ReminderPlanner, preview_reminders
from scheduler.reminder_result import ReminderResults
from scheduler.reminder_rules import ReminderRules, RingAt
from scheduler.slots import PartOfDay
from scheduler.sms import SMS
from scheduler.sms_desk import SmsDesk
from scheduler.worker import TAKEOVER_S, Duties, run_worker
from voicecore.audio.silero import SileroPool
from voicecore.call.policy import Policy
from voicecore.config import LEVELS, Settings, is_set, load_settings
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.safeguards import Safeguards
from voicecore.env_example import render_env_example
from voicecore.errors import SettingsError, VoiceCoreError
from voicecore.net.app import make_runner
from voicecore.net.calendar_files import CalendarFiles
from voicecore.net.call_cap import CallCap
from voicecore.net.call_factory import CallFactory, Surroundings
from voicecore.net.early_reports import EarlyReports
from voicecore.net.garbage import settle_garbage
from voicecore.net.ics_link import IcsLinks
from voicecore.net.live_calls import LiveCalls
from voicecore.net.llm import LlmStream
from voicecore.net.outbound_dialer import OutboundDialer
from voicecore.net.phone_events import PhoneEvents
from voicecore.net.prepared_calls import PreparedCalls
from voicecore.net.probes import redis_keeps
from voicecore.net.redis_link import RedisLink, open_session_redis
from voicecore.net.server_parts import ServerParts
from voicecore.net.session_store import SessionStore
from voicecore.net.stream_tickets import StreamTickets
from voicecore.net.tasks import TaskSet
from voicecore.net.twilio_rest import TwilioRest
from voicecore.net.voice_probes import VoiceServices, voice_probes
from voicecore.net.workers import reserved_port, started, stop_with_parent, supervise
from voicecore.observer import ObserverFactory
from voicecore.ops.demo_evidence import gather_evidence, write_demo
from voicecore.ops.demo_report import build_report
from voicecore.ops.doctor import Examination, ExaminationError, Finding, examine, free_disk
from voicecore.ops.flight_log import FlightLog
from voicecore.ops.live_transcript import LiveTranscript
from voicecore.ops.observers import Observers
from voicecore.telemetry import configure_logging
from voicecore.wire.twilio_signature import SignatureValidator

if TYPE_CHECKING:
    from voicecore.sandbox.stand_ins import StandIns

log = structlog.get_logger()
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
calendar_app = typer.Typer(no_args_is_help=True, help="Google Calendar: consent, and a look at it.")
jobs_app = typer.Typer(no_args_is_help=True, help="Background jobs that failed, and once more.")
app.add_typer(calendar_app, name="calendar")
app.add_typer(jobs_app, name="jobs")

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CustomerOption = Annotated[
    str | None, typer.Option(help="Telephone number, or the customer's number.")
]
VehicleOption = Annotated[
    str | None, typer.Option(help="The customer's car: its plate, VIN or number.")
]
TechnicianOption = Annotated[str | None, typer.Option(help="Name or number of who has to do it.")]

# What can go wrong with a service, as against what is wrong with us.
EXPECTED = (
    VoiceCoreError,
    DatabaseError,
    MigrationError,
    SchedulerError,
    OSError,
    aiohttp.ClientError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    RedisError,
    ValueError,
)
DRAIN_S = 900.0
CALENDAR_WAIT_S = 10.0
# An engineer waits longer than a caller does.
HAND_DEADLINE_S = 10.0
SPEECH_MODELS = 4
# More would be better at the limit, where a fifth of all callers speaks at the same moment; but
# each costs 9 MB, and 100 ms at the start: loaded later it would stop the calls for as long.
CALLS_PER_SPEECH_MODEL = 12
GOOGLE_LOGIN_GIVES = frozenset({"google_refresh_token"})


@dataclass(frozen=True, slots=True)
class Worker:
    """A running server; `url` is its address on this machine."""

    url: str
    parts: ServerParts
    pool: asyncpg.Pool


@asynccontextmanager
async def serving(
    settings: Settings,
    observers: ObserverFactory,
    *,
    shares_port: bool = False,
    always_open: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    adjust: Callable[[Surroundings], Surroundings] = lambda around: around,
) -> AsyncIterator[Worker]:
    """Everything of one worker, started in order and stopped in the reverse order.

    `always_open` greets callers as in opening hours, whatever the time. `clock` tells the day and
    time of bookings; `adjust` may replace parts before the first call.
    """
    zone = ZoneInfo(settings.shop_timezone)
    dsn = settings.database_url.get_secret_value()
    async with AsyncExitStack() as stack:
        await apply_migrations(dsn)
        pool = await open_pool(dsn)
        stack.push_async_callback(close_pool, pool)
        redis_url = settings.redis_url.get_secret_value()
        sessions = open_session_redis(redis_url)
        stack.push_async_callback(sessions.aclose)
        link = RedisLink(sessions)
        # The first call finds a connection, and need not wait for one.
        await link.ask(sessions.ping)
        records = open_cache_redis(redis_url)
        stack.push_async_callback(records.aclose)
        cache = CustomerCache(records, zone=zone)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10, connect=3))
        )
        llm = _llm(settings)
        stack.push_async_callback(llm.aclose)
        tasks = await stack.enter_async_context(TaskSet())
        calendar = await _open_calendar(settings, stack)
        busy = None if calendar is None else BusyCache(calendar)
        if busy is not None:
            await busy.refresh()
            tasks.spawn(busy.run(), name="calendar_busy_cache")
        jobs = JobQueue(pool)
        await jobs.install()
        duties = _duties(settings, http, cache)
        rest, links = _twilio_rest(settings, http), _ics_links(settings)
        tasks.spawn(
            run_worker(dsn, zone=zone, calendar=calendar, duties=duties), name="background_jobs"
        )
        tasks.spawn(cache.run(), name="customer_cache")
        tasks.spawn(llm.keep_warm(), name="llm_keep_warm")
        models = max(SPEECH_MODELS, settings.max_calls // CALLS_PER_SPEECH_MODEL)
        speech_models = await asyncio.to_thread(SileroPool, models)
        hours = OpeningTimes(pool, zone, _holidays(settings))
        await hours.refresh()
        tasks.spawn(hours.run(), name="opening_times")
        around = adjust(
            Surroundings(
                is_open=(lambda _: True) if always_open else hours.is_open,
                shop_hours=hours.in_words(),
                settings=settings,
                http=http,
                llm=llm,
                store=SessionStore(sessions, link=link),
                directory=CachedDirectory(
                    CrmDirectory(pool, zone=zone, clock=clock), cache, pool=pool
                ),
                schedule=ServiceDesk(
                    pool,
                    zone=zone,
                    busy=busy,
                    on_change=invalidating(cache, jobs.enqueue_calendar_sync),
                    holidays=_holidays(settings),
                    clock=clock,
                ),
                workshop=CrmWorkshop(pool),
                messenger=SmsDesk(
                    pool, jobs, send_now=rest.send_sms, admits=rest.admits, link=links.address
                ),
                journal=CallJournal(pool),
                readers=SlotReaders(lambda: datetime.now(zone).date()),
                safeguards=Safeguards(
                    rows=RowSecurity(),
                    attempts=IdentityAttempts(pool, zone=zone),
                    own_line_proves=settings.caller_id_is_a_fact,
                ),
                policy=Policy(
                    can_transfer=bool(settings.transfer_number), max_call_s=settings.max_call_s
                ),
                observers=observers,
                speech_models=speech_models,
                clock=clock,
            )
        )
        factory = CallFactory(around)
        clips = await factory.load_clips()
        link = RedisLink(sessions)
        phone_events = PhoneDesk(
            PhoneReports(pool),
            placed=ReminderResults(pool, jobs, dialer=_dialer(settings, http)),
            reason=_reminder,
        )
        parts = _server_parts(settings, factory, tasks, link, phone_events)
        parts.calendar_files = _calendar_files(settings, links, pool)
        stack.push_async_callback(parts.prepared.close)
        url = await _listen(settings, parts, stack, shares_port=shares_port)
        log.info("serving", url=url, public_base_url=parts.public_base_url, clips=clips)
        yield Worker(url, parts, pool)


def _server_parts(
    settings: Settings,
    factory: CallFactory,
    tasks: TaskSet,
    link: RedisLink,
    phone_events: PhoneEvents,
) -> ServerParts:
    """What the request handlers share; the calls of all workers are counted where wanted."""
    secrets = (settings.twilio_auth_token, *settings.twilio_more_secrets)
    parts = ServerParts(
        public_base_url=settings.public_base_url.rstrip("/"),
        transfer_number=settings.transfer_number,
        transfer_ring_s=settings.transfer_ring_s,
        max_calls=settings.max_calls,
        signatures=SignatureValidator([secret.get_secret_value() for secret in secrets]),
        live=LiveCalls(),
        prepared=PreparedCalls(
            tasks,
            tickets=StreamTickets(link),
            remake=lambda info, reminder: factory.new_session(info, reminder=reminder),
        ),
        new_session=factory.new_session,
        phone_events=phone_events,
        tasks=tasks,
        early=EarlyReports(link),
    )
    if settings.max_calls_total:
        parts.cap = CallCap(link, max_calls=settings.max_calls_total)
        calls = partial(_calls_of, parts)
        tasks.spawn(parts.cap.keep(calls), name="call_cap")
    return parts


def _reminder(appointment_id: int, phone_e164: str, first_name: str) -> Reminder:
    return Reminder(appointment_id=appointment_id, phone_e164=phone_e164, first_name=first_name)


def _calls_of(parts: ServerParts) -> tuple[str, ...]:
    return (*parts.live.call_sids, *parts.prepared.call_sids)


async def _listen(
    settings: Settings, parts: ServerParts, stack: AsyncExitStack, *, shares_port: bool
) -> str:
    runner = make_runner(parts)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    reuse_port = True if shares_port else None
    await web.TCPSite(runner, settings.host, settings.port, reuse_port=reuse_port).start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def _open_calendar(settings: Settings, stack: AsyncExitStack) -> GoogleCalendar | None:
    if not settings.google_calendar_id:
        return None
    return await stack.enter_async_context(GoogleCalendar(_calendar_access(settings)))


def _calendar_access(settings: Settings) -> CalendarAccess:
    return CalendarAccess(
        calendar_id=settings.google_calendar_id,
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret.get_secret_value(),
        refresh_token=settings.google_refresh_token.get_secret_value(),
        token_file=settings.google_token_file,
        service_account_file=settings.google_service_account_file,
        subject=settings.google_service_account_subject,
        api_root=settings.google_api_root,
        token_url=settings.google_token_url,
    )


def _duties(settings: Settings, http: aiohttp.ClientSession, cache: CustomerCache | None) -> Duties:
    """What this process does in the background; without keys for Twilio it reaches nobody."""
    on_change: Callable[[JobQueue], OnChange] | None = None
    if cache is not None:
        on_change = partial(_invalidating_jobs, cache)
    dialer: OutboundDialer | None = None
    if is_set(settings, "twilio_auth_token"):
        dialer = _dialer(settings, http)
    return Duties(
        on_change=on_change,
        texter=dialer,
        dialer=dialer,
        reminder_attempts=settings.reminder_max_attempts,
        holidays=_holidays(settings),
        invites=settings.google_invite_customers,
        days_ahead=settings.google_sync_days,
        keep_calls_days=settings.call_retention_days,
    )


def _invalidating_jobs(cache: CustomerCache, jobs: JobQueue) -> OnChange:
    return invalidating(cache, jobs.enqueue_calendar_sync)


def _dialer(settings: Settings, http: aiohttp.ClientSession) -> OutboundDialer:
    return OutboundDialer(_twilio_rest(settings, http), shop_name=settings.shop_name)


def _ics_links(settings: Settings) -> IcsLinks:
    secret = settings.twilio_auth_token.get_secret_value()
    return IcsLinks(settings.public_base_url, secret, time.time)


def _calendar_files(settings: Settings, links: IcsLinks, pool: asyncpg.Pool) -> CalendarFiles:
    return CalendarFiles(
        links=links,
        find=partial(visit_card, pool),
        shop_name=settings.shop_name,
        shop_address=settings.shop_address,
        host=urlsplit(settings.public_base_url).hostname or "localhost",
    )


def _twilio_rest(settings: Settings, http: aiohttp.ClientSession) -> TwilioRest:
    return TwilioRest(
        http,
        api_base=settings.twilio_api_base,
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        from_e164=settings.twilio_phone_number,
        allowed_numbers=settings.outbound_allowed_numbers,
        public_base_url=settings.public_base_url,
    )


# --- commands -----------------------------------------------------------------------------------


@app.command()
def settings(
    example: Annotated[bool, typer.Option("--example", help="Print .env.example.")] = False,
) -> None:
    """Check the settings, or print the example of them."""
    if example:
        typer.echo(render_env_example(), nl=False)
        return
    _settings()
    typer.echo("the settings are complete and readable")


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    dsn = _settings().database_url.get_secret_value()
    if not dsn:
        _refuse("DATABASE_URL: is missing, and migrate needs it")
    applied = _run(apply_migrations(dsn))
    typer.echo(f"applied: {', '.join(applied) or 'nothing, the schema is up to date'}")


@app.command()
def seed(
    full: Annotated[
        bool,
        typer.Option(
            "--full/--demo", help="10,000 customers, or the hundred people of the demonstration."
        ),
    ] = True,
    number: Annotated[
        int, typer.Option("--seed", help="The same number makes the same full dataset.")
    ] = DEFAULT_SEED,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day that the full dataset lies around."),
    ] = None,
) -> None:
    """Fill an empty database with made-up people, cars and appointments."""
    settings = _settings()
    dsn = settings.database_url.get_secret_value()
    if not dsn:
        _refuse("DATABASE_URL: is missing, and seed needs it")
    zone = ZoneInfo(settings.shop_timezone)
    day = today.date() if today else datetime.now(zone).date()
    try:
        _run(_seed_full(dsn, day, zone, number) if full else _seed(settings))
    except InputError as error:
        _refuse(str(error))
    if not full:
        typer.echo("the people of the demonstration are there, with bookings for two weeks")


@app.command()
def serve(
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the port, one for each core.")
    ] = 1,
) -> None:
    """Run the product; whatever has no key in .env runs against a stand-in."""
    settings = _settings()
    configure_logging(settings.log_level, pretty=sys.stderr.isatty())
    _check_address(settings.host, settings.port)
    _run(_serve(settings) if workers == 1 else _serve_with_workers(settings, workers))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for what the call leaves behind.")] = Path(
        "build/demo"
    ),
    log_level: Annotated[str, typer.Option(help="Least level of log lines on stderr.")] = "ERROR",
) -> None:
    """Place the demonstration call on stand-ins and show it while it runs."""
    if log_level.upper() not in LEVELS:
        _refuse(f"--log-level is not one of {', '.join(LEVELS)}")
    configure_logging(log_level, pretty=sys.stderr.isatty())
    missing = _run(_demo(out))
    for item in missing:
        typer.echo(f"MISSING: {item}", err=True)
    if missing:
        raise typer.Exit(1)


@app.command()
def simulate(
    only: Annotated[
        list[str] | None, typer.Option(help="Part of a scenario's name; may be repeated.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Play each scenario so many times.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write the results as JSON.")] = None,
    real_llm: Annotated[
        bool, typer.Option("--real-llm", help="Ask the model of .env instead of the stand-in.")
    ] = False,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Over sockets, with speech that is heard.")
    ] = False,
    parallel: Annotated[
        int, typer.Option(min=1, max=32, help="So many calls side by side, in real time.")
    ] = 4,
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the scenarios.", exists=True, file_okay=False),
    ] = None,
) -> None:
    """Play scripted callers against the engine and compare the rows at the end."""
    # Imported here: neither the scenarios nor the stand-ins are part of an installed product.
    from bench.simulate.command import SimulateOptions, simulate
    from bench.simulate.script import ScriptError
    from bench.simulate.suite import SCENARIOS

    options = SimulateOptions(
        folder=folder or SCENARIOS,
        only=tuple(only or ()),
        repeat=repeat,
        real_llm=real_llm,
        real_time=real_time,
        parallel=parallel,
        json_path=json,
    )
    configure_logging("CRITICAL", pretty=False)
    try:
        passed = _run(simulate(options, _settings(), serving))
    except ScriptError as error:
        _refuse(str(error))
    if not passed:
        raise typer.Exit(1)


@app.command()
def worker(
    takeover_s: Annotated[
        float, typer.Option(min=1.0, help="Seconds after which a dead worker's job is taken over.")
    ] = TAKEOVER_S,
) -> None:
    """Do background jobs (calendar, SMS, clean-up); any number of these share one database."""
    settings = _settings()
    configure_logging(settings.log_level, pretty=sys.stderr.isatty())
    _run(_work(settings, _dsn(settings, "worker"), takeover_s))


@app.command()
def reminders(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list who would be called, and why not.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List tomorrow's appointments with whom to call; without --dry-run a worker will call them."""
    settings = _settings()
    dsn = _dsn(settings, "reminders")
    found = _run(_with_pool(dsn, lambda pool: _reminders(settings, pool, plan=not dry_run)))
    calls = sum(isinstance(one.decision, RingAt) for one in found)
    verb = "would be called" if dry_run else "will be called"
    lines = [one.line() for one in found]
    lines.append(f"appointments tomorrow: {len(found)}, {verb}: {calls}")
    _show(lines, [one.as_json() for one in found], as_json=json)


@app.command()
def call(to: Annotated[str, typer.Argument(help="E.164, such as +13125550142.")]) -> None:
    """Ring one allowed number, let the agent talk to whoever answers, and show it live."""
    settings = _settings()
    if to not in settings.outbound_allowed_numbers:
        _refuse(f"{to} is not in OUTBOUND_ALLOWED_NUMBERS, so it is not called")
    configure_logging("ERROR", pretty=sys.stderr.isatty())
    _check_address(settings.host, settings.port)
    if _run(_call(settings, to)) != "completed":
        raise typer.Exit(1)


@app.command()
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Let our Twilio number send calls and texts here.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try everything that a call needs; what has no key in .env is tried on its stand-in."""
    settings = _settings()
    configure_logging("ERROR", pretty=sys.stderr.isatty())
    findings = _run(_examine(settings, fix=fix))
    works = all(finding.is_ok for finding in findings)
    told = {"ok": works, "findings": [finding.as_json() for finding in findings]}
    _show([finding.line() for finding in findings], told, as_json=json)
    if not works:
        raise typer.Exit(1)


@calendar_app.command()
def login(
    file: Annotated[
        Path | None,
        typer.Option(help="Where to write the token, if not to GOOGLE_TOKEN_FILE."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--print", help="Print the line for .env and write no file.")
    ] = False,
) -> None:
    """Consent to the use of a calendar in the browser, and keep the token."""
    settings = _settings(optional=GOOGLE_LOGIN_GIVES)
    missing = [n for n in ("google_client_id", "google_client_secret") if not is_set(settings, n)]
    if missing:
        _refuse(*(f"{name.upper()}: is missing, and calendar login needs it" for name in missing))
    client = OAuthClient(
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret.get_secret_value(),
        auth_url=settings.google_auth_url,
        token_url=settings.google_token_url,
    )
    path = (file or Path(settings.google_token_file or "google-token.json")).absolute()
    if not show and not path.parent.is_dir():
        _refuse(f"there is no folder {path.parent}: make it, or choose another --file")
    typer.echo("Open this address in a browser on this machine:", err=True)
    token = _run(log_in(client, announce=partial(typer.echo, err=True)))
    if show:
        typer.echo(f"GOOGLE_REFRESH_TOKEN={token.refresh_token}")
        return
    try:
        write_token(path, token)
    except LoginError as error:
        _refuse(str(error))
    typer.echo(f"GOOGLE_TOKEN_FILE={path}")


@calendar_app.command()
def status(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Try what bookings need of the calendar, and show what waits and what staff changed."""
    settings = _settings()
    if not settings.google_calendar_id:
        _refuse("GOOGLE_CALENDAR_ID: is missing, and calendar status needs it")
    found = _run(_calendar_status(settings))
    _show(found.lines(), found.as_json(), as_json=json)
    if not found.is_ok:
        raise typer.Exit(1)


@calendar_app.command()
def restore(appointment_id: int) -> None:
    """Put an appointment's event back as it is booked, over what staff did to it."""
    settings = _settings()

    async def enqueue(pool: asyncpg.Pool) -> bool:
        return await enqueue_restore(pool, appointment_id)

    if not _run(_with_pool(_dsn(settings, "calendar restore"), enqueue)):
        _refuse(f"there is no appointment {appointment_id} that is in the calendar")
    typer.echo("a worker will put the event back")


@app.command()
def slots(
    service: Annotated[str, typer.Argument(help="Code or name of the service.")],
    since: Annotated[
        str | None,
        typer.Option("--from", help="ISO day or time to look from, or 'tomorrow'; else now."),
    ] = None,
    days: Annotated[
        int, typer.Option(help=f"How many days to look at; at most {LONGEST_SEARCH_DAYS}.")
    ] = SEARCH_DAYS,
    part_of_day: Annotated[PartOfDay, typer.Option(help="When on the day.")] = PartOfDay.ANY,
    technician: TechnicianOption = None,
    customer: CustomerOption = None,
    vehicle: VehicleOption = None,
    same_technician: Annotated[
        bool, typer.Option("--same-technician", help="Whoever worked for the customer last.")
    ] = False,
    offer: Annotated[
        Choice | None, typer.Option(help="Only the three times to offer a caller.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most times to show.")] = LIMIT,
    json: JsonOption = False,
) -> None:
    """Show when a service can be done; what is booked, closed or blocked is left out."""
    wish = Wish(
        service=service,
        since=since,
        days=days,
        part_of_day=part_of_day,
        technician=technician,
        customer=customer,
        vehicle=vehicle,
        same_technician=same_technician,
        offer=offer,
        limit=limit,
    )
    _at_desk("slots", lambda desk: desk.slots(wish), as_json=json)


@app.command()
def book(
    service: Annotated[str | None, typer.Argument(help="Code or name of the service.")] = None,
    at: Annotated[
        str | None, typer.Option(help="ISO time to come; without an offset it is the shop's.")
    ] = None,
    customer: CustomerOption = None,
    vehicle: VehicleOption = None,
    technician: TechnicianOption = None,
    hold: Annotated[
        bool, typer.Option("--hold", help="Only hold the time; confirm it within two minutes.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="HOLD", help="Turn a hold into an appointment.")
    ] = None,
    release: Annotated[str | None, typer.Option(metavar="HOLD", help="Give a hold back.")] = None,
    reschedule: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Move this appointment to --at.")
    ] = None,
    cancel: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Cancel this appointment.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Book a time for a customer, or confirm, move or cancel what is booked.

    Ends with 0 when it is done, with 1 when it cannot be (taken, expired, no database), and with 2
    when what was typed cannot be meant.
    """
    options = BookOptions(
        service=service,
        at=at,
        customer=customer,
        vehicle=vehicle,
        technician=technician,
        hold=hold,
        confirm=confirm,
        release=release,
        reschedule=reschedule,
        cancel=cancel,
    )
    _at_desk("book", lambda desk: carry_out(desk, options), as_json=json)


@jobs_app.command(name="list")
def list_jobs(
    every: Annotated[bool, typer.Option("--all", help="Also those that wait or run.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the jobs that failed for good."""
    dsn = _dsn(_settings(), "jobs")
    statuses = STATUSES if every else STATUSES[:1]
    found = _run(_with_pool(dsn, lambda pool: JobDesk(pool).list_jobs(statuses)))
    lines = [job.line() for job in found] or ["no job waits" if every else "no job has failed"]
    _show(lines, [job.as_json() for job in found], as_json=json)


@jobs_app.command(name="show")
def show_job(
    job_id: int, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show one job with everything that happened to it."""
    dsn = _dsn(_settings(), "jobs")
    job = _run(_with_pool(dsn, lambda pool: JobDesk(pool).show(job_id)))
    if job is None:
        _refuse(f"there is no job {job_id}: it is done, or never was")
    _show(job.lines(), job.as_json(), as_json=json)


@jobs_app.command(name="replay")
def replay_jobs(
    job_ids: Annotated[list[int] | None, typer.Argument(help="Which; without any: all.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send jobs that failed for good once more from the start."""
    dsn = _dsn(_settings(), "jobs")
    count = _run(_with_pool(dsn, lambda pool: JobDesk(pool).replay(job_ids or None)))
    _show([f"queued again: {count}"], {"replayed": count}, as_json=json)


def _show(lines: Sequence[str], value: object, *, as_json: bool) -> None:
    """Print lines of text, or the same as JSON."""
    if as_json:
        typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in lines:
            typer.echo(line)


def _at_desk(command: str, ask: Callable[[HandDesk], Awaitable[Answer]], *, as_json: bool) -> None:
    """Print what the desk answers: 0 done, 1 not possible, 2 not to be understood."""
    settings = _settings()
    dsn = _dsn(settings, command)
    configure_logging("CRITICAL", pretty=False)
    try:
        answer = _run(_ask_desk(settings, dsn, ask))
    except InputError as error:
        if as_json:
            _show((), {"status": "bad_input", "message": str(error)}, as_json=True)
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    _show(answer.lines(), answer.as_json(), as_json=as_json)
    if not answer.is_done:
        raise typer.Exit(1)


def _settings(optional: frozenset[str] = frozenset()) -> Settings:
    env_file = Path(".env")
    try:
        settings = load_settings(env_file if env_file.exists() else None, optional=optional)
        _holidays(settings)
    except SettingsError as error:
        _refuse(*error.problems)
    return settings


def _holidays(settings: Settings) -> PublicHolidays:
    """The days on which the shop stays closed; this year's and the next one's are worked out."""
    year = datetime.now(ZoneInfo(settings.shop_timezone)).year
    country, part = settings.shop_country, settings.shop_subdivision or None
    try:
        return PublicHolidays(country, part, years=(year, year + 1))
    except UnknownHolidaysError as error:
        try:
            PublicHolidays(country)
        except UnknownHolidaysError:
            problem = "SHOP_COUNTRY: is no ISO 3166 code whose public holidays are known"
        else:
            problem = "SHOP_SUBDIVISION: is no part of SHOP_COUNTRY whose holidays are known"
        raise SettingsError((problem,)) from error


def _dsn(settings: Settings, command: str) -> str:
    dsn = settings.database_url.get_secret_value()
    if not dsn:
        _refuse(f"DATABASE_URL: is missing, and {command} needs it")
    return dsn


def _refuse(*lines: str) -> NoReturn:
    """Say what to do, a line for each thing, and end with exit code 1."""
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


def _check_address(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on before anything is started."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            _refuse("the port is taken: stop what uses it, or set PORT to another one")
        _refuse(f"cannot listen there ({error.strerror}): set HOST and PORT to a free address")


def _run(main: Coroutine[object, object, T]) -> T:
    """Run on uvloop; an error of ours is one line and exit code 1."""
    try:
        return uvloop.run(main)
    except SettingsError as error:
        _refuse(*error.problems)
    except ModuleNotFoundError as error:
        _refuse(f"{error.name} is not installed: it comes with the extra voicecore[sandbox]")
    except (VoiceCoreError, DatabaseError, SchedulerError) as error:
        _refuse(str(error))


def _without_key(settings: Settings) -> dict[str, str]:
    """The services that `settings` has no key for, each with the name of that key."""
    keys = {
        "postgres": "database_url",
        "redis": "redis_url",
        "twilio": "twilio_auth_token",
        "deepgram": "deepgram_api_key",
        "openai": "openai_api_key",
        "google": "google_calendar_id",
    }
    return {service: name.upper() for service, name in keys.items() if not is_set(settings, name)}


@asynccontextmanager
async def _complete(settings: Settings) -> AsyncIterator[Settings]:
    """The settings, with a seeded stand-in for every service that has no key."""
    missing = _without_key(settings)
    if not missing:
        yield settings
        return
    # A production image holds no stand-ins; there every service needs its key.
    try:
        from voicecore.sandbox.stand_ins import Service, StandIns
    except ModuleNotFoundError as error:
        hint = "is missing, and no stand-ins are installed"
        raise SettingsError(tuple(f"{name}: {hint}" for name in missing.values())) from error
    async with StandIns(frozenset(map(Service, missing))) as stand_ins:
        log.info("stand_ins", services=sorted(missing))
        settings = _pointed_at(settings, stand_ins)
        if not settings.public_base_url:
            # Only the stand-in for Twilio, on this machine, gets along without a public address.
            here = f"http://{settings.host}:{settings.port}"
            settings = settings.model_copy(update={"public_base_url": here})
        if stand_ins.postgres is not None:
            await _seed(settings)
        yield settings


def _pointed_at(settings: Settings, stand_ins: StandIns) -> Settings:
    return Settings.model_validate({**settings.model_dump(), **stand_ins.settings})


def _stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _with_pool(dsn: str, use: Callable[[asyncpg.Pool], Awaitable[T]]) -> T:
    await apply_migrations(dsn)
    pool = await open_pool(dsn, max_size=2)
    try:
        return await use(pool)
    finally:
        await close_pool(pool)


async def _ask_desk(
    settings: Settings, dsn: str, ask: Callable[[HandDesk], Awaitable[Answer]]
) -> Answer:
    """Ask the desk that the agent asks, with the calendar's blocks and the same jobs behind it."""
    zone = ZoneInfo(settings.shop_timezone)

    async def use(pool: asyncpg.Pool) -> Answer:
        async with AsyncExitStack() as stack:
            jobs = JobQueue(pool)
            await jobs.install()
            on_change: OnChange = jobs.enqueue_calendar_sync
            if is_set(settings, "redis_url"):
                records = open_cache_redis(settings.redis_url.get_secret_value())
                stack.push_async_callback(records.aclose)
                on_change = _invalidating_jobs(CustomerCache(records, zone=zone), jobs)
            calendar = await _open_calendar(settings, stack)
            busy = None if calendar is None else BusyCache(calendar)
            if busy is not None and not await busy.refresh():
                typer.echo(f"without the calendar's blocks: {busy.problem}", err=True)
            holidays = _holidays(settings)
            desk = ServiceDesk(
                pool,
                zone=zone,
                busy=busy,
                on_change=on_change,
                holidays=holidays,
                deadline_s=HAND_DEADLINE_S,
                actor=ACTOR,
            )
            return await ask(HandDesk(pool, desk, zone=zone, holidays=holidays))

    return await _with_pool(dsn, use)


async def _work(settings: Settings, dsn: str, takeover_s: float) -> None:
    stop = _stop_signal()
    zone = ZoneInfo(settings.shop_timezone)
    await apply_migrations(dsn)
    async with AsyncExitStack() as stack:
        cache: CustomerCache | None = None
        if is_set(settings, "redis_url"):
            records = open_cache_redis(settings.redis_url.get_secret_value())
            stack.push_async_callback(records.aclose)
            cache = CustomerCache(records, zone=zone)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10, connect=3))
        )
        calendar = await _open_calendar(settings, stack)
        log.info("working", calendar=calendar is not None)
        await run_worker(
            dsn,
            zone=zone,
            calendar=calendar,
            stop=stop,
            takeover_s=takeover_s,
            duties=_duties(settings, http, cache),
        )


async def _reminders(
    settings: Settings, pool: asyncpg.Pool, *, plan: bool
) -> Sequence[PlannedReminder]:
    rules = ReminderRules(
        zone=ZoneInfo(settings.shop_timezone),
        admits=frozenset(settings.outbound_allowed_numbers).__contains__,
        most_attempts=settings.reminder_max_attempts,
    )
    found = await preview_reminders(pool, rules, datetime.now(UTC))
    if plan:
        await ReminderPlanner(pool, JobQueue(pool), rules).run()
    return found


async def _call(settings: Settings, to_e164: str) -> str:
    """Place one call and follow it to its end; return Twilio's word for that."""
    console = Console()
    async with (
        _complete(settings) as complete,
        serving(complete, lambda _: Observers(LiveTranscript(console))),
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10, connect=3)) as http,
    ):
        rest = _twilio_rest(complete, http)
        sid = await rest.place_call(
            to_e164, "/incoming-call", longest_s=complete.max_call_s, detects_machine=False
        )
        console.print(f"calling {to_e164}: {sid}")
        status = ""
        while True:
            found = await rest.call(sid)
            if found.status != status:
                status = found.status
                console.print(f"  {status}")
            if found.is_over:
                return status
            await asyncio.sleep(0.5)


async def _examine(settings: Settings, *, fix: bool) -> Sequence[Finding]:
    """Examine the services; a server of our own runs for it where none does."""
    missing = _without_key(settings)
    async with AsyncExitStack() as stack:
        complete = await stack.enter_async_context(_complete(settings))
        if "twilio" in missing:
            # Signed with the stand-in's own token, which no server that runs already has.
            port = _free_port()
            here = f"http://127.0.0.1:{port}"
            complete = complete.model_copy(
                update={"host": "127.0.0.1", "port": port, "public_base_url": here}
            )
        before = await _before_the_server(complete)
        if all(finding.is_ok for finding in before) and _is_free(complete.host, complete.port):
            await stack.enter_async_context(serving(complete, lambda _: Observers()))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30, connect=3))
        )
        llm = _llm(complete)
        stack.push_async_callback(llm.aclose)
        own = fix or "twilio" in missing
        services = VoiceServices(complete, http, llm, _twilio_rest(complete, http))
        after = await examine(voice_probes(services, fix=own), EXPECTED)
    return (_keys(missing), *before, *after)


def _llm(settings: Settings) -> LlmStream:
    return LlmStream(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        fallback_model=settings.openai_fallback_model,
    )


def _keys(missing: Mapping[str, str]) -> Finding:
    on_stand_ins = ", ".join(sorted(missing)) or "none"
    detail = f"complete; on a stand-in: {on_stand_ins}"
    return Finding(name="keys", is_ok=True, detail=detail, advice="", took_s=0.0)


async def _before_the_server(settings: Settings) -> Sequence[Finding]:
    """Look at the data first: a server applies migrations, which is more than a look."""
    dsn = settings.database_url.get_secret_value()
    zone = ZoneInfo(settings.shop_timezone)

    async def postgres() -> str:
        version = await server_version(dsn)
        if version < OLDEST_SERVER:
            raise ExaminationError(f"version {version} is older than {OLDEST_SERVER}")
        return f"version {version}"

    async def migrations() -> str:
        missing = await unapplied_migrations(dsn)
        if missing:
            raise ExaminationError(f"{len(missing)} not applied, from {missing[0]} on")
        return "all applied"

    return await examine(
        [
            Examination(
                name="postgres",
                probe=postgres,
                advice="start PostgreSQL 15 or later, or mend DATABASE_URL",
            ),
            Examination(name="migrations", probe=migrations, advice="run `cli.py migrate`"),
            Examination(
                name="redis",
                probe=partial(redis_keeps, settings.redis_url.get_secret_value()),
                advice="start Redis 6.2 or later, or mend REDIS_URL",
            ),
            Examination(
                name="calendar",
                probe=partial(calendar_takes_an_event, _calendar_access(settings), zone),
                advice="run `cli.py calendar login`, or share the calendar with the account",
            ),
            Examination(
                name="disk",
                probe=partial(free_disk, Path()),
                advice="make room: logs and recordings need it",
            ),
        ],
        EXPECTED,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


async def _calendar_status(settings: Settings) -> CalendarStatus:
    zone = ZoneInfo(settings.shop_timezone)
    access = _calendar_access(settings)
    dsn = settings.database_url.get_secret_value()
    if not dsn:
        return await look_at_calendar(access, zone=zone)
    return await _with_pool(dsn, lambda pool: look_at_calendar(access, zone=zone, pool=pool))


async def _serve(settings: Settings, *, shares_port: bool = False) -> None:
    stop = _stop_signal()
    stop_with_parent(stop)
    async with (
        _complete(settings) as complete,
        serving(complete, lambda _: Observers(), shares_port=shares_port) as worker,
    ):
        settle_garbage()
        await stop.wait()
        worker.parts.draining = True
        log.info("draining", calls=len(worker.parts.live))
        await worker.parts.live.drain(DRAIN_S)


async def _serve_with_workers(settings: Settings, workers: int) -> None:
    stop = _stop_signal()
    with reserved_port(settings.host, settings.port) as port:
        settings = settings.model_copy(update={"port": port})
        async with _complete(settings) as complete:
            await supervise(lambda number: started(_worker, complete, number), workers, stop)


def _worker(settings: Settings, number: int) -> None:
    """Be one of several workers: the main function of a process."""
    configure_logging(settings.log_level, pretty=sys.stderr.isatty())
    structlog.contextvars.bind_contextvars(worker=number)
    _run(_serve(settings, shares_port=True))


async def _seed_full(dsn: str, today: date, zone: ZoneInfo, number: int) -> None:
    begun = time.perf_counter()
    await apply_migrations(dsn)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("making the dataset", total=None)
        written = await seed_database(
            dsn,
            today,
            zone,
            seed=number,
            progress=lambda table, done, rows: bar.update(
                task, description=table, completed=done, total=rows
            ),
        )
        rows = int(bar.tasks[0].completed)
    if written:
        typer.echo(f"wrote {rows:,} rows in {time.perf_counter() - begun:.1f} s")
    else:
        typer.echo(f"the dataset of seed {number} is there already; nothing was changed")


async def _seed(settings: Settings) -> None:
    dsn = settings.database_url.get_secret_value()
    await apply_migrations(dsn)
    pool = await open_pool(dsn, max_size=1)
    try:
        async with pool.acquire() as connection:
            await seed_demo(connection, datetime.now(ZoneInfo(settings.shop_timezone)))
    finally:
        await close_pool(pool)


async def _demo(out: Path) -> tuple[str, ...]:
    # Imported here: the stand-ins are no part of an installed product.
    from voicecore.sandbox.demo_call import (
        MARIAS_NUMBER,
        block_next_morning,
        place_demo_call,
        set_typical_delays,
    )
    from voicecore.sandbox.stand_ins import StandIns
    from voicecore.sandbox.stereo import write_stereo

    console = Console()
    flight_log = FlightLog()
    async with StandIns() as stand_ins:
        settings = _pointed_at(
            # No environment is read: the demonstration is the same on every machine.
            Settings.model_construct(
                port=0,
                public_base_url="https://agent.example.com",
                outbound_allowed_numbers=(MARIAS_NUMBER,),
            ),
            stand_ins,
        )
        set_typical_delays(stand_ins)
        await _seed(settings)
        busy = block_next_morning(stand_ins, datetime.now(ZoneInfo(settings.shop_timezone)))
        async with serving(
            settings,
            lambda _: Observers(flight_log, LiveTranscript(console)),
            always_open=True,
        ) as worker:
            call = await place_demo_call(stand_ins, worker.url, settings.public_base_url)
            bookings = await _pushed_bookings(worker.pool, call.call_sid)
            await _sent_texts(worker.pool)
        assert stand_ins.twilio is not None and stand_ins.google is not None
        evidence = gather_evidence(
            call,
            flight_log,
            bookings=bookings,
            events=stand_ins.google.events,
            sms=[(message.sid, message.body) for message in stand_ins.twilio.messages],
            busy=busy,
        )
    report, missing = build_report(evidence)
    write_demo(out, call, flight_log, evidence, report)
    write_stereo(out / "call.wav", call.said, call.heard)
    console.print(f"left in {out}: call.wav, timeline.html, report.json, flight.jsonl")
    return missing


async def _sent_texts(pool: asyncpg.Pool) -> None:
    """Wait until the background jobs have sent what the call wrote down."""
    deadline = asyncio.get_running_loop().time() + CALENDAR_WAIT_S
    while asyncio.get_running_loop().time() < deadline:
        jobs = await JobDesk(pool).list_jobs(("queued", "picked"))
        if not any(job.kind == SMS for job in jobs):
            return
        await asyncio.sleep(0.1)


async def _pushed_bookings(pool: asyncpg.Pool, call_sid: str) -> Sequence[CallBooking]:
    """The call's bookings, once the background job has put them into the calendar."""
    deadline = asyncio.get_running_loop().time() + CALENDAR_WAIT_S
    while True:
        bookings = await bookings_of_call(pool, call_sid)
        pushed = bookings and all(row.calendar_event_id for row in bookings)
        if pushed or asyncio.get_running_loop().time() > deadline:
            return bookings
        await asyncio.sleep(0.1)


def main() -> None:
    """Entry point of the `voicecore` command."""
    app()


if __name__ == "__main__":
    main()
