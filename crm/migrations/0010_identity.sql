-- How often somebody said a wrong fact, by day: over one line, and about one number from elsewhere.

CREATE TABLE identity_attempts (
    day        date NOT NULL,
    side       text NOT NULL CHECK (side IN ('line', 'about')),
    phone_e164 text NOT NULL CHECK (phone_e164 ~ '^\+[1-9][0-9]{6,14}$'),
    misses     integer NOT NULL CHECK (misses >= 1),
    PRIMARY KEY (day, side, phone_e164)
);

-- A statement that places an appointment writes its first event too, and does not see the
-- appointment yet; a volatile function does. It runs as the caller, whose rows alone it finds.
CREATE FUNCTION owns_appointment(wanted bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM appointments WHERE appointment_id = wanted);
END
$$;
ALTER POLICY own_rows ON appointment_events WITH CHECK (owns_appointment(appointment_id));
