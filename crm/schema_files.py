"""Writes what the repository keeps of the schema: `python -m crm.schema_files DSN`.

The DSN is that of any migrated database; `crm/schema.sql` and the diagram in `docs/data.md` are
written anew.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg

from crm.schema_facts import Schema, read_schema
from crm.schema_text import schema_diagram, schema_sql

SCHEMA_FILE = Path(__file__).with_name("schema.sql")
DATA_PAGE = Path(__file__).resolve().parent.parent / "docs" / "data.md"
_BEGIN, _END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def page_with_diagram(page: str, schema: Schema) -> str:
    """Return the page with the diagram between its two marks drawn anew."""
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}```mermaid\n{schema_diagram(schema)}```\n{_END}{after}"


async def write_schema_files(dsn: str) -> None:
    """Write both files from the database at `dsn`."""
    connection = await asyncpg.connect(dsn, timeout=10, statement_cache_size=0)
    try:
        schema = await read_schema(connection)
    finally:
        await connection.close(timeout=10)
    SCHEMA_FILE.write_text(schema_sql(schema), encoding="utf-8")
    page = DATA_PAGE.read_text(encoding="utf-8")
    DATA_PAGE.write_text(page_with_diagram(page, schema), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write_schema_files(sys.argv[1]))
