-- Cars that are dropped off before their bay is free, and days with hours of their own.

-- A car that is dropped off may wait for its bay until later on the same day.
ALTER TABLE services
    ADD COLUMN drop_off boolean NOT NULL DEFAULT false;

-- When the customer comes; NULL: at the start of `during`, which is the time in the bay.
ALTER TABLE appointments
    ADD COLUMN arrival_at timestamptz,
    ADD CONSTRAINT appointments_arrival CHECK (
        arrival_at <= lower(during) AND lower(during) - arrival_at <= interval '24 hours');

-- The hours of one day in place of those of its weekday; they also open the shop on a public
-- holiday. To close a day is a closure.
CREATE TABLE special_hours (
    day    date NOT NULL,
    opens  time NOT NULL,
    closes time NOT NULL CHECK (opens < closes),
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (day, opens)
);

-- What is taken in a stretch of days; no appointment is longer than a day.
CREATE INDEX appointments_active_start ON appointments (lower(during))
    WHERE status IN ('held', 'confirmed', 'checked_in', 'in_progress');
