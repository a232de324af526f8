from __future__ import annotations

import pytest

from crm import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.InputError("phone", "is withheld"), "phone is withheld"),
        (errors.NotFoundError("customers", 7), "no row 7 in customers"),
        (
            errors.ConflictError("customers", 7, 3),
            "row 7 in customers is no longer at version 3",
        ),
        (errors.MigrationError("0001_a.sql", "changed"), "migration 0001_a.sql: changed"),
        (
            errors.DatabaseError("look_up", "57P01", retryable=True),
            "database: look_up: 57P01 (retryable True)",
        ),
    ],
)
def test_errors_have_one_root_and_speak_from_their_attributes(
    error: errors.CrmError, text: str
) -> None:
    assert isinstance(error, errors.CrmError)
    assert str(error) == text
