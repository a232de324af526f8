-- The life cycle of an appointment: what is over stays over, and what was moved has one successor.

ALTER TABLE appointments
    ADD CONSTRAINT appointments_booked_by CHECK (
        booked_by IN ('agent', 'staff', 'web', 'import')),
    ADD CONSTRAINT appointments_version CHECK (version >= 1),
    -- The successor is always the younger row, so a chain of moves cannot close into a ring.
    ADD CONSTRAINT appointments_successor_is_younger CHECK (rescheduled_from < appointment_id),
    ADD CONSTRAINT appointments_one_successor UNIQUE (rescheduled_from),
    DROP CONSTRAINT appointments_not_own_successor;

CREATE FUNCTION appointments_check_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed text[] := CASE OLD.status
        WHEN 'held' THEN ARRAY['confirmed', 'cancelled']
        WHEN 'confirmed' THEN ARRAY['checked_in', 'in_progress', 'done',
                                    'cancelled', 'no_show', 'rescheduled']
        WHEN 'checked_in' THEN ARRAY['in_progress', 'done', 'cancelled']
        WHEN 'in_progress' THEN ARRAY['done']
        ELSE '{}'
    END;
BEGIN
    IF NEW.status <> ALL (allowed) THEN
        RAISE EXCEPTION 'an appointment cannot go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation',
                  TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'appointments_life_cycle';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER appointments_life_cycle
    BEFORE UPDATE OF status ON appointments
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION appointments_check_step();

CREATE INDEX appointments_call ON appointments (call_sid) WHERE call_sid IS NOT NULL;

-- One row per reminder and version of the appointment, however often it is claimed; `attempt`
-- counts how often it was dialled.
ALTER TABLE outbound_attempts
    DROP CONSTRAINT outbound_attempts_appointment_id_kind_appointment_version_a_key,
    ADD CONSTRAINT outbound_attempts_once UNIQUE (appointment_id, kind, appointment_version),
    ADD CONSTRAINT outbound_attempts_kind CHECK (length(kind) BETWEEN 1 AND 40),
    ADD CONSTRAINT outbound_attempts_phone CHECK (phone_e164 ~ '^\+[1-9][0-9]{6,14}$');
