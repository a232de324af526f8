"""What the database says about its own tables, read from PostgreSQL's catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import asyncpg

_COLUMNS = """
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS is_required, pg_get_expr(d.adbin, d.adrelid) AS default,
       CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END AS identity
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
 ORDER BY c.relname, a.attnum
"""
# PostgreSQL 18 lists NOT NULL as constraints too ('n'); here they belong to the columns.
_CONSTRAINTS = """
SELECT r.conrelid::regclass::text AS table, r.conname AS name, r.contype::text AS kind,
       pg_get_constraintdef(r.oid, true) AS definition,
       ARRAY(SELECT a.attname::text FROM unnest(r.conkey) WITH ORDINALITY AS k (attnum, place)
               JOIN pg_attribute a ON a.attrelid = r.conrelid AND a.attnum = k.attnum
              ORDER BY k.place) AS columns,
       nullif(r.confrelid, 0)::regclass::text AS target
  FROM pg_constraint r
 WHERE r.connamespace = 'public'::regnamespace AND r.conrelid <> 0
   AND r.contype IN ('p', 'u', 'x', 'c', 'f')
 ORDER BY 1, array_position('{p,u,x,c,f}', r.contype::text), 2
"""
_INDEXES = """
SELECT i.indrelid::regclass::text AS table, i.indexrelid::regclass::text AS name,
       pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE c.relnamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.conindid = i.indexrelid
                      AND r.contype IN ('p', 'u', 'x'))
 ORDER BY 1, 2
"""
_TRIGGERS = """
SELECT t.tgrelid::regclass::text AS table, pg_get_triggerdef(t.oid, true) AS definition
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
 ORDER BY 1, t.tgname
"""
_FUNCTIONS = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace ORDER BY p.proname
"""
# A policy as it would be made anew; what a role may do stands beside it.
_POLICIES = """
SELECT p.polrelid::regclass::text AS table,
       format('CREATE POLICY %I ON %s FOR %s TO %s%s%s', p.polname, p.polrelid::regclass,
              CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                            WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END,
              (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
                WHERE r.oid = ANY (p.polroles)),
              E'\n    USING (' || pg_get_expr(p.polqual, p.polrelid, true) || ')',
              E'\n    WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid, true) || ')')
           AS definition
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
 WHERE c.relnamespace = 'public'::regnamespace
 ORDER BY 1, p.polname
"""
_SECURED = """
SELECT c.relname AS table, 'ALTER TABLE ' || c.relname || ' ENABLE ROW LEVEL SECURITY' AS definition
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity ORDER BY 1
"""
_GRANTS = """
SELECT c.relname AS table,
       format('GRANT %s ON %s TO %s', string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type),
              c.relname, r.rolname) AS definition
  FROM pg_class c CROSS JOIN aclexplode(c.relacl) x JOIN pg_roles r ON r.oid = x.grantee
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
   AND x.grantee <> c.relowner
 GROUP BY c.relname, r.rolname
UNION ALL
SELECT c.relname,
       format('GRANT %s (%s) ON %s TO %s', x.privilege_type,
              string_agg(a.attname, ', ' ORDER BY a.attnum), c.relname, r.rolname)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 CROSS JOIN aclexplode(a.attacl) x JOIN pg_roles r ON r.oid = x.grantee
 WHERE c.relnamespace = 'public'::regnamespace AND x.grantee <> c.relowner
 GROUP BY c.relname, r.rolname, x.privilege_type
 ORDER BY 1, 2
"""
_VIEWS = """
SELECT c.relname AS name, pg_get_viewdef(c.oid, true) AS definition
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v' ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `identity` is ALWAYS, BY DEFAULT or None."""

    name: str
    type: str
    is_required: bool
    default: str | None
    identity: str | None


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint; `kind` is p, u, x, c or f as in the catalogue, `target` a foreign table."""

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]
    target: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `indexes` are name and definition of those that belong to no constraint.

    `rights` are its row security and what other roles may do, as statements.
    """

    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    indexes: tuple[tuple[str, str], ...]
    triggers: tuple[str, ...]
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables by name, and the definitions of all functions and views."""

    tables: tuple[Table, ...]
    functions: tuple[str, ...]
    views: tuple[str, ...]


async def read_schema(connection: asyncpg.Connection) -> Schema:
    """Return the tables of the schema `public`."""
    constraints: dict[str, list[Constraint]] = defaultdict(list)
    for row in await connection.fetch(_CONSTRAINTS):
        constraints[row["table"]].append(
            Constraint(
                row["name"], row["kind"], row["definition"], tuple(row["columns"]), row["target"]
            )
        )
    indexes = _by_table(await connection.fetch(_INDEXES), "name", "definition")
    triggers = _by_table(await connection.fetch(_TRIGGERS), "definition")
    grants = _by_table(await connection.fetch(_GRANTS), "definition")
    rights = (
        _by_table(await connection.fetch(_SECURED), "definition"),
        _by_table(await connection.fetch(_POLICIES), "definition"),
        grants,
    )
    tables = []
    for name, rows in groupby(await connection.fetch(_COLUMNS), key=lambda row: str(row["table"])):
        tables.append(
            Table(
                name,
                tuple(_column(row) for row in rows),
                tuple(constraints[name]),
                tuple((found[0], found[1]) for found in indexes[name]),
                tuple(found[0] for found in triggers[name]),
                tuple(found[0] for kind in rights for found in kind[name]),
            )
        )
    functions = tuple(row[0] for row in await connection.fetch(_FUNCTIONS))
    views = []
    for name, definition in await connection.fetch(_VIEWS):
        views.append(f"CREATE VIEW {name} AS\n{definition.rstrip(';')}")
        views += [found[0] for found in grants[name]]
    return Schema(tuple(tables), functions, tuple(views))


def _by_table(
    rows: Iterable[asyncpg.Record], *fields: str
) -> defaultdict[str, list[tuple[str, ...]]]:
    found: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        found[row["table"]].append(tuple(row[field] for field in fields))
    return found


def _column(row: asyncpg.Record) -> Column:
    return Column(row["name"], row["type"], row["is_required"], row["default"], row["identity"])
