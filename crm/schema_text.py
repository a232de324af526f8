"""The schema as people read it: as SQL, and as a diagram of its tables."""

from __future__ import annotations

from collections.abc import Iterator

from crm.schema_facts import Column, Schema, Table

_HEADER = (
    "-- What the migrations add up to, as the database tells it. Written by\n"
    "-- `python -m crm.schema_files DSN`; a test fails when it differs.\n"
)
_SHORT_TYPES = {
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
}
# The runner's own table, which no other one knows.
_UNDRAWN = frozenset({"schema_version"})


def schema_sql(schema: Schema) -> str:
    """Return the schema as SQL for reading and comparing: the tables by name, not by need."""
    parts = [_HEADER]
    parts += [f"{text.rstrip()};\n" for text in schema.functions]
    for table in schema.tables:
        lines = [f"    {_column_sql(column)}" for column in table.columns]
        lines += [f"    CONSTRAINT {one.name} {one.definition}" for one in table.constraints]
        text = f"CREATE TABLE {table.name} (\n" + ",\n".join(lines) + "\n);\n"
        text += "".join(f"{definition};\n" for _, definition in table.indexes)
        text += "".join(f"{definition};\n" for definition in (*table.triggers, *table.rights))
        parts.append(text)
    parts += [f"{text};\n" for text in schema.views]
    return "\n".join(parts)


def schema_diagram(schema: Schema) -> str:
    """Return a Mermaid `erDiagram`: every table with its columns, every foreign key as a line."""
    drawn = [table for table in schema.tables if table.name not in _UNDRAWN]
    lines = ["erDiagram"]
    for table in drawn:
        lines += sorted(set(_relations(table)))
    for table in drawn:
        lines.append(f"    {table.name} {{")
        lines += [f"        {_column_text(table, column)}" for column in table.columns]
        lines.append("    }")
    return "\n".join(lines) + "\n"


def _column_sql(column: Column) -> str:
    text = f"{column.name} {column.type}"
    if column.is_required:
        text += " NOT NULL"
    if column.identity:
        return f"{text} GENERATED {column.identity} AS IDENTITY"
    return f"{text} DEFAULT {column.default}" if column.default else text


def _relations(table: Table) -> Iterator[str]:
    required = {column.name for column in table.columns if column.is_required}
    keys = {one.columns for one in table.constraints if one.kind in "pu"}
    for one in table.constraints:
        if one.kind == "f":
            parent = "||" if required.issuperset(one.columns) else "|o"
            child = "o|" if one.columns in keys else "o{"
            name = ", ".join(one.columns)
            yield f'    {one.target} {parent}--{child} {table.name} : "{name}"'


def _column_text(table: Table, column: Column) -> str:
    kinds = {one.kind for one in table.constraints if column.name in one.columns}
    alone = {one.kind for one in table.constraints if one.columns == (column.name,)}
    marks = [
        mark
        for mark, is_so in (("PK", "p" in kinds), ("FK", "f" in kinds), ("UK", "u" in alone))
        if is_so
    ]
    return f"{_SHORT_TYPES.get(column.type, column.type)} {column.name} {', '.join(marks)}".rstrip()
