-- Breaks, the labour that a day can hold, and which made-up dataset the database holds, if any.

CREATE TABLE technician_breaks (
    technician_id integer NOT NULL REFERENCES technicians ON DELETE CASCADE,
    weekday       smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    starts        time NOT NULL,
    ends          time NOT NULL CHECK (starts < ends),
    PRIMARY KEY (technician_id, weekday, starts)
);

-- `day` is a day at the shop. Whoever books adds the labour to `booked_minutes` in the transaction
-- of the booking; the check then refuses what is too much, however many book at once. A day
-- without a row has no limit.
CREATE TABLE day_capacity (
    day            date PRIMARY KEY,
    labour_minutes integer NOT NULL CHECK (labour_minutes BETWEEN 0 AND 1000000),
    booked_minutes integer NOT NULL DEFAULT 0,
    CONSTRAINT day_capacity_kept CHECK (booked_minutes BETWEEN 0 AND labour_minutes)
);

CREATE TABLE datasets (
    name      text PRIMARY KEY,
    seed      bigint NOT NULL,
    today     date NOT NULL,
    zone      text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
