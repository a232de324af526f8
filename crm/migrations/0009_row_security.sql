-- The second wall: what runs for a caller runs as a role that sees the rows of one customer.
--
-- `voicecore_caller` cannot log in. Whoever owns the tables takes it on with SET ROLE for one
-- transaction and says in `app.customer_id` for whom; without that there is no row at all. The
-- owner itself is not bound: workers, staff and the look-up that identifies a caller go on as
-- before. Where the migrating user may not create roles, somebody who may does it once:
-- CREATE ROLE voicecore_caller NOLOGIN; GRANT voicecore_caller TO <that user>.

DO $$
DECLARE
    -- A role made by a user without superuser's rights is theirs to give, not yet theirs to be.
    needed text := CASE WHEN current_setting('server_version_num')::integer >= 160000
                        THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'voicecore_caller') THEN
            CREATE ROLE voicecore_caller NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- roles belong to the whole server, and another database was faster
    END;
    IF NOT pg_has_role(current_user, 'voicecore_caller', needed) THEN
        GRANT voicecore_caller TO CURRENT_USER;
    END IF;
END
$$;

CREATE FUNCTION current_customer_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.customer_id', true), '')::bigint;

ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customer_phones ENABLE ROW LEVEL SECURITY;
ALTER TABLE vehicles ENABLE ROW LEVEL SECURITY;
ALTER TABLE appointments ENABLE ROW LEVEL SECURITY;
ALTER TABLE appointment_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE customer_notes ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_row ON customers TO voicecore_caller
    USING (customer_id = current_customer_id());
CREATE POLICY own_rows ON customer_phones TO voicecore_caller
    USING (customer_id = current_customer_id());
CREATE POLICY own_rows ON vehicles TO voicecore_caller
    USING (customer_id = current_customer_id());
CREATE POLICY own_rows ON service_history TO voicecore_caller
    USING (customer_id = current_customer_id());
-- The vehicles that a check sees are the caller's own.
CREATE POLICY own_rows ON appointments TO voicecore_caller
    USING (customer_id = current_customer_id())
    WITH CHECK (customer_id = current_customer_id() AND (vehicle_id IS NULL OR EXISTS (
        SELECT FROM vehicles v WHERE v.vehicle_id = appointments.vehicle_id)));
CREATE POLICY own_rows ON customer_notes TO voicecore_caller
    USING (customer_id = current_customer_id())
    WITH CHECK (customer_id = current_customer_id() AND (vehicle_id IS NULL OR EXISTS (
        SELECT FROM vehicles v WHERE v.vehicle_id = customer_notes.vehicle_id)));
CREATE POLICY own_rows ON appointment_events TO voicecore_caller
    USING (EXISTS (SELECT FROM appointments a
                    WHERE a.appointment_id = appointment_events.appointment_id));
-- Whoever books also writes down which holds of other callers had run out.
CREATE POLICY expired_holds ON appointment_events FOR INSERT TO voicecore_caller
    WITH CHECK (event = 'hold_expired' AND actor = 'scheduler' AND call_sid IS NULL
                AND detail = '{}');

-- What a booking has to know of other people's: that the place is taken, and not by whom.
CREATE VIEW occupied_places AS
    SELECT appointment_id, bay_id, technician_id, status, during, hold_expires_at
      FROM appointments
     WHERE status IN ('held', 'confirmed', 'checked_in', 'in_progress');

-- Whoever has the lock removes the expired holds of the day, and everybody else waits for them
-- where they need the time: two who each remove some could wait for each other.
CREATE FUNCTION free_expired_holds(on_day date, zone text)
RETURNS TABLE (appointment_id bigint, during tstzrange, service_code text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH expired AS (
        SELECT a.appointment_id FROM appointments a
        WHERE a.status = 'held' AND a.hold_expires_at <= now()
          AND a.during && tstzrange(on_day::timestamp AT TIME ZONE zone,
                                    (on_day + 1)::timestamp AT TIME ZONE zone)
          AND (SELECT pg_try_advisory_xact_lock(1986228324, on_day - date '2000-01-01'))
        FOR UPDATE SKIP LOCKED
    )
    UPDATE appointments a SET status = 'cancelled', version = version + 1, updated_at = now()
    FROM expired e WHERE a.appointment_id = e.appointment_id
    RETURNING a.appointment_id, a.during, a.service_code
$$;
REVOKE EXECUTE ON FUNCTION free_expired_holds(date, text) FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO voicecore_caller;
GRANT EXECUTE ON FUNCTION free_expired_holds(date, text) TO voicecore_caller;
GRANT SELECT ON customers, customer_phones, vehicles, appointments, appointment_events,
    service_history, customer_notes, occupied_places, services, bays, technicians, closures,
    day_capacity TO voicecore_caller;
GRANT UPDATE (email, email_verified_at, email_verified_by, street, city, region, postcode,
    address_verified_at, address_verified_by, version, updated_at) ON customers
    TO voicecore_caller;
GRANT INSERT, UPDATE (is_primary, verified_at, verified_by) ON customer_phones
    TO voicecore_caller;
GRANT INSERT, UPDATE (status, hold_expires_at, version, updated_at) ON appointments
    TO voicecore_caller;
GRANT INSERT ON appointment_events, customer_notes TO voicecore_caller;
GRANT UPDATE (booked_minutes) ON day_capacity TO voicecore_caller;
