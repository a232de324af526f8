"""No query of a call reads a big table from end to end, and no index stands there for nothing."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

import crm
import scheduler
from crm.pool import close_pool, open_pool
from scheduler.jobs import JobQueue

BIG = {
    "appointment_events",
    "appointments",
    "call_turns",
    "calls",
    "customer_phones",
    "customers",
    "service_history",
    "vehicles",
}
# Modules that no call runs through.
COLD_MODULES = {
    "crm.migrate",
    "crm.schema_facts",
    "crm.schema_files",
    "crm.seed",
    "scheduler.housekeeping",
}
_GAP = re.compile(r"\{\w+\}")
_VERB = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b")


def hot_queries() -> dict[str, str]:
    """Every constant with SQL in the modules of crm and scheduler, by its full name."""
    found = {}
    for package in (crm, scheduler):
        for module_info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module_info.ispkg or module_info.name in COLD_MODULES:
                continue
            module = importlib.import_module(module_info.name)
            for name, value in vars(module).items():
                if isinstance(value, str) and name.isupper() and _VERB.match(value):
                    found[f"{module_info.name}.{name}"] = value
    # What stands inside of another one, or has gaps to be filled, is no query of its own.
    return {
        name: sql
        for name, sql in found.items()
        if not _GAP.search(sql)
        and not any(sql.strip() in other for other in found.values() if other != sql)
    }


async def fill(connection: asyncpg.Connection) -> None:
    """Add what only calls leave behind, and let the planner know."""
    await connection.execute(
        "INSERT INTO calls (call_sid, direction, from_e164, customer_id, started_at)"
        " SELECT 'CA' || n, 'inbound', '+13125550100', n, now() FROM generate_series(1, 5000) n;"
        "INSERT INTO call_turns (call_sid, turn, role, text, at)"
        " SELECT 'CA' || n, turn, role, 'x', now() FROM generate_series(1, 5000) n,"
        " generate_series(0, 3) turn, unnest(ARRAY['agent', 'caller']) role;"
        "UPDATE appointments SET call_sid = 'CA' || appointment_id WHERE appointment_id % 3 = 0;"
        "INSERT INTO customer_notes (customer_id, author, text)"
        " SELECT n, 'agent', 'x' FROM generate_series(1, 10000) n;"
        "INSERT INTO outbound_attempts"
        " (appointment_id, appointment_version, kind, phone_e164, dialed_at)"
        " SELECT appointment_id, 1, 'reminder', '+1312555' || lpad(appointment_id::text, 7, '0'),"
        " now() FROM appointments;"
        "INSERT INTO calendar_entries (appointment_id, review, review_since)"
        " SELECT appointment_id, review, CASE WHEN review IS NOT NULL THEN now() END"
        " FROM appointments, LATERAL (SELECT CASE WHEN appointment_id % 500 = 0 THEN 'moved' END"
        " AS review) r;"
        "ANALYZE"
    )


async def plan_of(connection: asyncpg.Connection, name: str, sql: str) -> list[dict[str, Any]]:
    """Return all steps of the plan that serves any values of the parameters."""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f'PREPARE "{name}" AS {sql}')
    size = await connection.fetchval(
        "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1", name
    )
    values = f"({', '.join(['NULL'] * size)})" if size else ""
    text = await connection.fetchval(f'EXPLAIN (FORMAT JSON) EXECUTE "{name}" {values}')
    return list(_steps(json.loads(text)[0]["Plan"]))


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for step in plan.get("Plans", ()):
        yield from _steps(step)


@pytest.fixture
async def plans(seeded_dsn: str, seeded: asyncpg.Connection) -> dict[str, list[dict[str, Any]]]:
    # The job queue makes tables of its own, which its desk asks too.
    pool = await open_pool(seeded_dsn, max_size=1)
    await JobQueue(pool).install()
    await close_pool(pool)
    await fill(seeded)
    return {name: await plan_of(seeded, name[-60:], sql) for name, sql in hot_queries().items()}


def test_the_queries_are_found() -> None:
    names = hot_queries().keys()
    assert len(names) > 40
    modules = {name.rpartition(".")[0] for name in names}
    assert {"crm.vehicles", "crm.name_search", "crm.notes", "scheduler.booking"} <= modules


async def test_no_query_reads_a_big_table_from_end_to_end(
    plans: dict[str, list[dict[str, Any]]],
) -> None:
    slow = [
        (name, step["Relation Name"])
        for name, steps in plans.items()
        for step in steps
        if step["Node Type"] == "Seq Scan" and step["Relation Name"] in BIG
    ]
    assert slow == []


async def test_every_index_serves_a_query_or_a_constraint(
    plans: dict[str, list[dict[str, Any]]], seeded: asyncpg.Connection
) -> None:
    used = {step.get("Index Name") for steps in plans.values() for step in steps}
    indexes = await seeded.fetch(
        "SELECT i.indexrelid::regclass::text AS name FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisunique"
        " AND NOT starts_with(i.indrelid::regclass::text, 'pgqueuer')"
        " AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.conindid = i.indexrelid)"
    )
    assert {row["name"] for row in indexes} - used == set()


async def test_a_query_without_an_index_is_seen(seeded: asyncpg.Connection) -> None:
    steps = await plan_of(seeded, "probe", "SELECT * FROM customers WHERE city = $1")
    assert any(step["Node Type"] == "Seq Scan" for step in steps)
