-- Which appointments stand in the calendar, and what a person has to look at there.

-- A row is written in the transaction that books, so what was never meant for the calendar (imported
-- or older appointments) is never pushed. `review` says what the staff did in the calendar that the
-- booking could not follow; while it is set, nothing is pushed over their edit.
CREATE TABLE calendar_entries (
    appointment_id bigint PRIMARY KEY REFERENCES appointments,
    wanted_at      timestamptz NOT NULL DEFAULT now(),
    review         text CONSTRAINT calendar_entries_review CHECK (
                       review IN ('moved', 'resized', 'deleted')),
    review_detail  jsonb NOT NULL DEFAULT '{}',
    review_since   timestamptz,
    CONSTRAINT calendar_entries_review_since CHECK ((review IS NULL) = (review_since IS NULL))
);
CREATE INDEX calendar_entries_review_open ON calendar_entries (review_since)
    WHERE review IS NOT NULL;

-- Stamped on every calendar event, so that databases that share a calendar leave each other's alone.
CREATE TABLE installation (
    id       uuid NOT NULL DEFAULT gen_random_uuid(),
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO installation DEFAULT VALUES;
