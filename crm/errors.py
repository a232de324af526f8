"""Every error that the CRM raises on purpose.

CrmError
├── InputError             a value that cannot be stored: a bug or bad input of a caller
├── NotFoundError          no such row
├── ConflictError          somebody else changed the row since it was read
├── MigrationError         the migrations and the database disagree
└── DatabaseError          the database is slow, gone or refused the statement

Messages hold names of fields and tables, never their values.
"""

from __future__ import annotations


class CrmError(Exception):
    """Root of the tree; never raised itself."""


class InputError(CrmError):
    """A value that cannot be stored; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field} {self.reason}"


class NotFoundError(CrmError):
    """There is no such row; `table` and `key` name it."""

    def __init__(self, table: str, key: int) -> None:
        super().__init__(table, key)
        self.table = table
        self.key = key

    def __str__(self) -> str:
        return f"no row {self.key} in {self.table}"


class ConflictError(CrmError):
    """The row was changed since it was read; read it again and decide anew."""

    def __init__(self, table: str, key: int, version: int) -> None:
        super().__init__(table, key, version)
        self.table = table
        self.key = key
        self.version = version

    def __str__(self) -> str:
        return f"row {self.key} in {self.table} is no longer at version {self.version}"


class MigrationError(CrmError):
    """A migration file changed, went missing or failed; `migration` names it."""

    def __init__(self, migration: str, reason: str) -> None:
        super().__init__(migration, reason)
        self.migration = migration
        self.reason = reason

    def __str__(self) -> str:
        return f"migration {self.migration}: {self.reason}"


class DatabaseError(CrmError):
    """The database did not do it; `retryable` says whether the same again can succeed."""

    def __init__(self, action: str, reason: str, *, retryable: bool) -> None:
        super().__init__(action, reason, retryable)
        self.action = action
        self.reason = reason
        self.retryable = retryable

    def __str__(self) -> str:
        return f"database: {self.action}: {self.reason} (retryable {self.retryable})"
