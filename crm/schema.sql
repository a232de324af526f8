-- What the migrations add up to, as the database tells it. Written by
-- `python -m crm.schema_files DSN`; a test fails when it differs.

CREATE OR REPLACE FUNCTION public.answer_weight(verdict text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE(array_position(ARRAY['unknown'::text, 'human'::text, 'machine_start'::text, 'fax'::text, 'machine_end_other'::text, 'machine_end_silence'::text, 'machine_end_beep'::text], verdict), 0);

CREATE OR REPLACE FUNCTION public.appointments_check_step()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.call_step(status text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE status WHEN 'queued'::text THEN 1 WHEN 'initiated'::text THEN 2 WHEN 'ringing'::text THEN 3 WHEN 'in-progress'::text THEN 4 ELSE CASE WHEN (status IS NULL) THEN 0 ELSE 9 END END;

CREATE OR REPLACE FUNCTION public.current_customer_id()
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::bigint;

CREATE OR REPLACE FUNCTION public.free_expired_holds(on_day date, zone text)
 RETURNS TABLE(appointment_id bigint, during tstzrange, service_code text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.message_step(status text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE status WHEN 'accepted'::text THEN 1 WHEN 'scheduled'::text THEN 1 WHEN 'queued'::text THEN 2 WHEN 'sending'::text THEN 3 WHEN 'sent'::text THEN 4 WHEN 'read'::text THEN 6 ELSE 5 END;

CREATE OR REPLACE FUNCTION public.owns_appointment(wanted bigint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    RETURN EXISTS (SELECT FROM appointments WHERE appointment_id = wanted);
END
$function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$function$;

CREATE OR REPLACE FUNCTION public.stream_step(event text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE event WHEN 'stream-started'::text THEN 1 WHEN 'stream-stopped'::text THEN 2 ELSE 3 END;

CREATE TABLE appointment_events (
    event_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    appointment_id bigint NOT NULL,
    event text NOT NULL,
    actor text NOT NULL,
    call_sid text,
    detail jsonb NOT NULL DEFAULT '{}'::jsonb,
    at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT appointment_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT appointment_events_event_check CHECK (length(event) >= 1 AND length(event) <= 40),
    CONSTRAINT appointment_events_appointment_id_fkey FOREIGN KEY (appointment_id) REFERENCES appointments(appointment_id)
);
CREATE INDEX appointment_events_appointment ON public.appointment_events USING btree (appointment_id, event_id);
CREATE TRIGGER appointment_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON appointment_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE appointment_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY expired_holds ON appointment_events FOR INSERT TO voicecore_caller
    WITH CHECK (event = 'hold_expired'::text AND actor = 'scheduler'::text AND call_sid IS NULL AND detail = '{}'::jsonb);
CREATE POLICY own_rows ON appointment_events FOR ALL TO voicecore_caller
    USING ((EXISTS ( SELECT
   FROM appointments a
  WHERE a.appointment_id = appointment_events.appointment_id)))
    WITH CHECK (owns_appointment(appointment_id));
GRANT INSERT, SELECT ON appointment_events TO voicecore_caller;

CREATE TABLE appointments (
    appointment_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    customer_id bigint NOT NULL,
    vehicle_id bigint,
    service_code text NOT NULL,
    bay_id integer NOT NULL,
    technician_id integer,
    status text NOT NULL,
    during tstzrange NOT NULL,
    hold_id uuid NOT NULL DEFAULT gen_random_uuid(),
    hold_expires_at timestamp with time zone,
    booked_by text NOT NULL DEFAULT 'agent'::text,
    call_sid text,
    rescheduled_from bigint,
    calendar_event_id text,
    calendar_etag text,
    notes text NOT NULL DEFAULT ''::text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    arrival_at timestamp with time zone,
    CONSTRAINT appointments_pkey PRIMARY KEY (appointment_id),
    CONSTRAINT appointments_calendar_event_id_key UNIQUE (calendar_event_id),
    CONSTRAINT appointments_hold_id_key UNIQUE (hold_id),
    CONSTRAINT appointments_one_successor UNIQUE (rescheduled_from),
    CONSTRAINT appointments_bay_free EXCLUDE USING gist (int4range(bay_id, bay_id, '[]'::text) WITH &&, during WITH &&) WHERE (status = ANY (ARRAY['held'::text, 'confirmed'::text, 'checked_in'::text, 'in_progress'::text])),
    CONSTRAINT appointments_technician_free EXCLUDE USING gist (int4range(technician_id, technician_id, '[]'::text) WITH &&, during WITH &&) WHERE (technician_id IS NOT NULL AND (status = ANY (ARRAY['held'::text, 'confirmed'::text, 'checked_in'::text, 'in_progress'::text]))),
    CONSTRAINT appointments_arrival CHECK (arrival_at <= lower(during) AND (lower(during) - arrival_at) <= '24:00:00'::interval),
    CONSTRAINT appointments_booked_by CHECK (booked_by = ANY (ARRAY['agent'::text, 'staff'::text, 'web'::text, 'import'::text])),
    CONSTRAINT appointments_during CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during) AND lower_inc(during) AND NOT upper_inc(during) AND isfinite(lower(during)) AND isfinite(upper(during)) AND (upper(during) - lower(during)) <= '24:00:00'::interval),
    CONSTRAINT appointments_held_until CHECK (status <> 'held'::text OR hold_expires_at IS NOT NULL),
    CONSTRAINT appointments_status CHECK (status = ANY (ARRAY['held'::text, 'confirmed'::text, 'checked_in'::text, 'in_progress'::text, 'done'::text, 'cancelled'::text, 'no_show'::text, 'rescheduled'::text])),
    CONSTRAINT appointments_successor_is_younger CHECK (rescheduled_from < appointment_id),
    CONSTRAINT appointments_version CHECK (version >= 1),
    CONSTRAINT appointments_bay_id_fkey FOREIGN KEY (bay_id) REFERENCES bays(bay_id),
    CONSTRAINT appointments_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(customer_id),
    CONSTRAINT appointments_rescheduled_from_fkey FOREIGN KEY (rescheduled_from) REFERENCES appointments(appointment_id),
    CONSTRAINT appointments_service_code_fkey FOREIGN KEY (service_code) REFERENCES services(code),
    CONSTRAINT appointments_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES technicians(technician_id),
    CONSTRAINT appointments_vehicle_id_fkey FOREIGN KEY (vehicle_id) REFERENCES vehicles(vehicle_id)
);
CREATE INDEX appointments_active_start ON public.appointments USING btree (lower(during)) WHERE (status = ANY (ARRAY['held'::text, 'confirmed'::text, 'checked_in'::text, 'in_progress'::text]));
CREATE INDEX appointments_call ON public.appointments USING btree (call_sid) WHERE (call_sid IS NOT NULL);
CREATE INDEX appointments_customer ON public.appointments USING btree (customer_id, lower(during));
CREATE INDEX appointments_hold_expiry ON public.appointments USING btree (hold_expires_at) WHERE (status = 'held'::text);
CREATE TRIGGER appointments_life_cycle BEFORE UPDATE OF status ON appointments FOR EACH ROW WHEN (old.status IS DISTINCT FROM new.status) EXECUTE FUNCTION appointments_check_step();
ALTER TABLE appointments ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON appointments FOR ALL TO voicecore_caller
    USING (customer_id = current_customer_id())
    WITH CHECK (customer_id = current_customer_id() AND (vehicle_id IS NULL OR (EXISTS ( SELECT
   FROM vehicles v
  WHERE v.vehicle_id = appointments.vehicle_id))));
GRANT INSERT, SELECT ON appointments TO voicecore_caller;
GRANT UPDATE (status, hold_expires_at, version, updated_at) ON appointments TO voicecore_caller;

CREATE TABLE bays (
    bay_id integer NOT NULL,
    name text NOT NULL,
    bay_type text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT bays_pkey PRIMARY KEY (bay_id),
    CONSTRAINT bays_name_key UNIQUE (name),
    CONSTRAINT bays_bay_id_check CHECK (bay_id >= 1 AND bay_id <= 100000)
);
GRANT SELECT ON bays TO voicecore_caller;

CREATE TABLE calendar_entries (
    appointment_id bigint NOT NULL,
    wanted_at timestamp with time zone NOT NULL DEFAULT now(),
    review text,
    review_detail jsonb NOT NULL DEFAULT '{}'::jsonb,
    review_since timestamp with time zone,
    CONSTRAINT calendar_entries_pkey PRIMARY KEY (appointment_id),
    CONSTRAINT calendar_entries_review CHECK (review = ANY (ARRAY['moved'::text, 'resized'::text, 'deleted'::text])),
    CONSTRAINT calendar_entries_review_since CHECK ((review IS NULL) = (review_since IS NULL)),
    CONSTRAINT calendar_entries_appointment_id_fkey FOREIGN KEY (appointment_id) REFERENCES appointments(appointment_id)
);
CREATE INDEX calendar_entries_review_open ON public.calendar_entries USING btree (review_since) WHERE (review IS NOT NULL);

CREATE TABLE call_state (
    call_sid text NOT NULL,
    owner text NOT NULL,
    owner_epoch bigint NOT NULL,
    state jsonb NOT NULL DEFAULT '{}'::jsonb,
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT call_state_pkey PRIMARY KEY (call_sid),
    CONSTRAINT call_state_call_sid_check CHECK (length(call_sid) >= 1 AND length(call_sid) <= 64),
    CONSTRAINT call_state_owner_epoch_check CHECK (owner_epoch >= 1)
);

CREATE TABLE call_streams (
    call_sid text NOT NULL,
    stream_sid text NOT NULL,
    event text NOT NULL,
    error text NOT NULL DEFAULT ''::text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT call_streams_pkey PRIMARY KEY (call_sid, stream_sid),
    CONSTRAINT call_streams_event_check CHECK (event = ANY (ARRAY['stream-started'::text, 'stream-stopped'::text, 'stream-error'::text])),
    CONSTRAINT call_streams_stream_sid_check CHECK (length(stream_sid) >= 1 AND length(stream_sid) <= 64),
    CONSTRAINT call_streams_call_sid_fkey FOREIGN KEY (call_sid) REFERENCES calls(call_sid) ON DELETE CASCADE
);

CREATE TABLE call_turns (
    call_sid text NOT NULL,
    turn integer NOT NULL,
    role text NOT NULL,
    text text NOT NULL,
    heard text,
    interrupted boolean NOT NULL DEFAULT false,
    latency_ms integer,
    detail jsonb NOT NULL DEFAULT '{}'::jsonb,
    at timestamp with time zone NOT NULL,
    CONSTRAINT call_turns_pkey PRIMARY KEY (call_sid, turn, role),
    CONSTRAINT call_turns_latency_ms_check CHECK (latency_ms >= 0),
    CONSTRAINT call_turns_role_check CHECK (role = ANY (ARRAY['caller'::text, 'agent'::text])),
    CONSTRAINT call_turns_turn_check CHECK (turn >= 0),
    CONSTRAINT call_turns_call_sid_fkey FOREIGN KEY (call_sid) REFERENCES calls(call_sid) ON DELETE CASCADE
);

CREATE TABLE calls (
    call_sid text NOT NULL,
    direction text NOT NULL,
    from_e164 text,
    to_e164 text,
    customer_id bigint,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    summary text NOT NULL DEFAULT ''::text,
    stats jsonb NOT NULL DEFAULT '{}'::jsonb,
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    status text,
    status_sequence integer,
    duration_s integer,
    answered_by text,
    attestation text,
    error_code text,
    CONSTRAINT calls_pkey PRIMARY KEY (call_sid),
    CONSTRAINT calls_attestation CHECK (attestation = ANY (ARRAY['A'::text, 'B'::text, 'C'::text, 'failed'::text, 'none'::text])),
    CONSTRAINT calls_call_sid_check CHECK (length(call_sid) >= 1 AND length(call_sid) <= 64),
    CONSTRAINT calls_direction_check CHECK (direction = ANY (ARRAY['inbound'::text, 'outbound'::text])),
    CONSTRAINT calls_duration CHECK (duration_s >= 0),
    CONSTRAINT calls_end_after_start CHECK (ended_at >= started_at),
    CONSTRAINT calls_status CHECK (status = ANY (ARRAY['queued'::text, 'initiated'::text, 'ringing'::text, 'in-progress'::text, 'completed'::text, 'busy'::text, 'failed'::text, 'no-answer'::text, 'canceled'::text])),
    CONSTRAINT calls_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(customer_id) ON DELETE SET NULL
);

CREATE TABLE closures (
    closure_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    during tstzrange NOT NULL,
    bay_id integer,
    reason text NOT NULL,
    CONSTRAINT closures_pkey PRIMARY KEY (closure_id),
    CONSTRAINT closures_during_check CHECK (NOT isempty(during)),
    CONSTRAINT closures_bay_id_fkey FOREIGN KEY (bay_id) REFERENCES bays(bay_id)
);
GRANT SELECT ON closures TO voicecore_caller;

CREATE TABLE customer_notes (
    note_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    customer_id bigint NOT NULL,
    vehicle_id bigint,
    author text NOT NULL,
    call_sid text,
    text text NOT NULL,
    at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT customer_notes_pkey PRIMARY KEY (note_id),
    CONSTRAINT customer_notes_author_check CHECK (length(author) >= 1 AND length(author) <= 100),
    CONSTRAINT customer_notes_call_sid_check CHECK (length(call_sid) <= 100),
    CONSTRAINT customer_notes_text_check CHECK (length(text) >= 1 AND length(text) <= 4000),
    CONSTRAINT customer_notes_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(customer_id) ON DELETE CASCADE,
    CONSTRAINT customer_notes_vehicle_id_fkey FOREIGN KEY (vehicle_id) REFERENCES vehicles(vehicle_id) ON DELETE SET NULL
);
CREATE INDEX customer_notes_customer ON public.customer_notes USING btree (customer_id, note_id);
ALTER TABLE customer_notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON customer_notes FOR ALL TO voicecore_caller
    USING (customer_id = current_customer_id())
    WITH CHECK (customer_id = current_customer_id() AND (vehicle_id IS NULL OR (EXISTS ( SELECT
   FROM vehicles v
  WHERE v.vehicle_id = customer_notes.vehicle_id))));
GRANT INSERT, SELECT ON customer_notes TO voicecore_caller;

CREATE TABLE customer_phones (
    customer_id bigint NOT NULL,
    phone_e164 text NOT NULL,
    is_primary boolean NOT NULL DEFAULT false,
    verified_at timestamp with time zone,
    verified_by text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT customer_phones_pkey PRIMARY KEY (customer_id, phone_e164),
    CONSTRAINT customer_phones_phone_e164_check CHECK (phone_e164 ~ '^\+[1-9][0-9]{6,14}$'::text),
    CONSTRAINT customer_phones_verified_by CHECK (verified_at IS NULL OR COALESCE(length(verified_by), 0) >= 1 AND COALESCE(length(verified_by), 0) <= 40),
    CONSTRAINT customer_phones_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(customer_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX customer_phones_one_primary ON public.customer_phones USING btree (customer_id) WHERE is_primary;
CREATE INDEX customer_phones_phone ON public.customer_phones USING btree (phone_e164);
ALTER TABLE customer_phones ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON customer_phones FOR ALL TO voicecore_caller
    USING (customer_id = current_customer_id());
GRANT INSERT, SELECT ON customer_phones TO voicecore_caller;
GRANT UPDATE (is_primary, verified_at, verified_by) ON customer_phones TO voicecore_caller;

CREATE TABLE customers (
    customer_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    first_name text NOT NULL,
    last_name text NOT NULL,
    email text,
    email_verified_at timestamp with time zone,
    email_verified_by text,
    street text,
    city text,
    region text,
    postcode text,
    address_verified_at timestamp with time zone,
    address_verified_by text,
    quality_flags text[] NOT NULL DEFAULT '{}'::text[],
    version integer NOT NULL DEFAULT 1,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    first_name_sound text,
    last_name_sound text,
    CONSTRAINT customers_pkey PRIMARY KEY (customer_id),
    CONSTRAINT customers_address CHECK (length(street) <= 200 AND length(city) <= 100 AND length(region) <= 60 AND length(postcode) <= 16),
    CONSTRAINT customers_address_verified_by CHECK (address_verified_at IS NULL OR COALESCE(length(address_verified_by), 0) >= 1 AND COALESCE(length(address_verified_by), 0) <= 40),
    CONSTRAINT customers_email_check CHECK (length(email) >= 3 AND length(email) <= 254),
    CONSTRAINT customers_email_verified_by CHECK (email_verified_at IS NULL OR COALESCE(length(email_verified_by), 0) >= 1 AND COALESCE(length(email_verified_by), 0) <= 40),
    CONSTRAINT customers_first_name_check CHECK (length(first_name) >= 1 AND length(first_name) <= 100),
    CONSTRAINT customers_last_name_check CHECK (length(last_name) >= 1 AND length(last_name) <= 100),
    CONSTRAINT customers_quality_flags CHECK (array_position(quality_flags, NULL::text) IS NULL AND cardinality(quality_flags) <= 20),
    CONSTRAINT customers_version CHECK (version >= 1)
);
CREATE INDEX customers_last_name_sound ON public.customers USING btree (last_name_sound);
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_row ON customers FOR ALL TO voicecore_caller
    USING (customer_id = current_customer_id());
GRANT SELECT ON customers TO voicecore_caller;
GRANT UPDATE (email, email_verified_at, email_verified_by, street, city, region, postcode, address_verified_at, address_verified_by, version, updated_at) ON customers TO voicecore_caller;

CREATE TABLE datasets (
    name text NOT NULL,
    seed bigint NOT NULL,
    today date NOT NULL,
    zone text NOT NULL,
    loaded_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT datasets_pkey PRIMARY KEY (name)
);

CREATE TABLE day_capacity (
    day date NOT NULL,
    labour_minutes integer NOT NULL,
    booked_minutes integer NOT NULL DEFAULT 0,
    CONSTRAINT day_capacity_pkey PRIMARY KEY (day),
    CONSTRAINT day_capacity_kept CHECK (booked_minutes >= 0 AND booked_minutes <= labour_minutes),
    CONSTRAINT day_capacity_labour_minutes_check CHECK (labour_minutes >= 0 AND labour_minutes <= 1000000)
);
GRANT SELECT ON day_capacity TO voicecore_caller;
GRANT UPDATE (booked_minutes) ON day_capacity TO voicecore_caller;

CREATE TABLE do_not_call (
    phone_e164 text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    call_sid text,
    added_at timestamp with time zone NOT NULL DEFAULT now(),
    texts_stopped_at timestamp with time zone,
    CONSTRAINT do_not_call_pkey PRIMARY KEY (phone_e164),
    CONSTRAINT do_not_call_phone_e164_check CHECK (phone_e164 ~ '^\+[1-9][0-9]{6,14}$'::text)
);

CREATE TABLE identity_attempts (
    day date NOT NULL,
    side text NOT NULL,
    phone_e164 text NOT NULL,
    misses integer NOT NULL,
    CONSTRAINT identity_attempts_pkey PRIMARY KEY (day, side, phone_e164),
    CONSTRAINT identity_attempts_misses_check CHECK (misses >= 1),
    CONSTRAINT identity_attempts_phone_e164_check CHECK (phone_e164 ~ '^\+[1-9][0-9]{6,14}$'::text),
    CONSTRAINT identity_attempts_side_check CHECK (side = ANY (ARRAY['line'::text, 'about'::text]))
);

CREATE TABLE installation (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    only_row boolean NOT NULL DEFAULT true,
    CONSTRAINT installation_pkey PRIMARY KEY (only_row),
    CONSTRAINT installation_only_row_check CHECK (only_row)
);

CREATE TABLE opening_hours (
    weekday smallint NOT NULL,
    opens time without time zone NOT NULL,
    closes time without time zone NOT NULL,
    CONSTRAINT opening_hours_pkey PRIMARY KEY (weekday, opens),
    CONSTRAINT opening_hours_check CHECK (opens < closes),
    CONSTRAINT opening_hours_weekday_check CHECK (weekday >= 1 AND weekday <= 7)
);

CREATE TABLE outbound_attempts (
    attempt_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    appointment_id bigint NOT NULL,
    appointment_version integer NOT NULL,
    kind text NOT NULL,
    attempt smallint NOT NULL DEFAULT 1,
    phone_e164 text NOT NULL,
    status text NOT NULL DEFAULT 'claimed'::text,
    call_sid text,
    outcome text,
    claimed_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    dialed_at timestamp with time zone,
    tries smallint NOT NULL DEFAULT 0,
    message_sid text,
    CONSTRAINT outbound_attempts_pkey PRIMARY KEY (attempt_id),
    CONSTRAINT outbound_attempts_call_sid_key UNIQUE (call_sid),
    CONSTRAINT outbound_attempts_message_sid_key UNIQUE (message_sid),
    CONSTRAINT outbound_attempts_once UNIQUE (appointment_id, kind, appointment_version),
    CONSTRAINT outbound_attempts_attempt_check CHECK (attempt >= 1 AND attempt <= 20),
    CONSTRAINT outbound_attempts_kind CHECK (length(kind) >= 1 AND length(kind) <= 40),
    CONSTRAINT outbound_attempts_phone CHECK (phone_e164 ~ '^\+[1-9][0-9]{6,14}$'::text),
    CONSTRAINT outbound_attempts_status_check CHECK (status = ANY (ARRAY['claimed'::text, 'dialing'::text, 'answered'::text, 'done'::text, 'failed'::text])),
    CONSTRAINT outbound_attempts_tries_check CHECK (tries >= 0 AND tries <= 100),
    CONSTRAINT outbound_attempts_appointment_id_fkey FOREIGN KEY (appointment_id) REFERENCES appointments(appointment_id)
);
CREATE UNIQUE INDEX outbound_attempts_one_line ON public.outbound_attempts USING btree (phone_e164) WHERE ((kind = 'reminder'::text) AND (status = ANY (ARRAY['dialing'::text, 'answered'::text])));
CREATE INDEX outbound_attempts_phone_dialed ON public.outbound_attempts USING btree (phone_e164, dialed_at) WHERE (dialed_at IS NOT NULL);

CREATE TABLE outbound_pace (
    only_row boolean NOT NULL DEFAULT true,
    next_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
    CONSTRAINT outbound_pace_pkey PRIMARY KEY (only_row),
    CONSTRAINT outbound_pace_only_row_check CHECK (only_row)
);

CREATE TABLE schema_version (
    version integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT schema_version_pkey PRIMARY KEY (version)
);

CREATE TABLE service_history (
    history_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    customer_id bigint NOT NULL,
    vehicle_id bigint NOT NULL,
    appointment_id bigint,
    service_code text NOT NULL,
    technician_id integer,
    on_date date NOT NULL,
    mileage integer NOT NULL,
    cost_cents integer NOT NULL,
    notes text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT service_history_pkey PRIMARY KEY (history_id),
    CONSTRAINT service_history_appointment_id_key UNIQUE (appointment_id),
    CONSTRAINT service_history_cost_cents_check CHECK (cost_cents >= 0),
    CONSTRAINT service_history_mileage_check CHECK (mileage >= 0 AND mileage <= 2000000),
    CONSTRAINT service_history_appointment_id_fkey FOREIGN KEY (appointment_id) REFERENCES appointments(appointment_id),
    CONSTRAINT service_history_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(customer_id),
    CONSTRAINT service_history_service_code_fkey FOREIGN KEY (service_code) REFERENCES services(code),
    CONSTRAINT service_history_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES technicians(technician_id),
    CONSTRAINT service_history_vehicle_id_fkey FOREIGN KEY (vehicle_id) REFERENCES vehicles(vehicle_id)
);
CREATE INDEX service_history_customer ON public.service_history USING btree (customer_id, on_date DESC);
CREATE INDEX service_history_vehicle ON public.service_history USING btree (vehicle_id, on_date DESC);
ALTER TABLE service_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON service_history FOR ALL TO voicecore_caller
    USING (customer_id = current_customer_id());
GRANT SELECT ON service_history TO voicecore_caller;

CREATE TABLE services (
    code text NOT NULL,
    name text NOT NULL,
    labour_minutes integer NOT NULL,
    buffer_minutes integer NOT NULL DEFAULT 0,
    bay_type text NOT NULL,
    skill text,
    price_cents integer NOT NULL,
    active boolean NOT NULL DEFAULT true,
    drop_off boolean NOT NULL DEFAULT false,
    CONSTRAINT services_pkey PRIMARY KEY (code),
    CONSTRAINT services_name_key UNIQUE (name),
    CONSTRAINT services_buffer_minutes_check CHECK (buffer_minutes >= 0 AND buffer_minutes <= 120),
    CONSTRAINT services_code_check CHECK (code ~ '^[a-z][a-z0-9_]{1,40}$'::text),
    CONSTRAINT services_labour_minutes_check CHECK (labour_minutes >= 5 AND labour_minutes <= 600),
    CONSTRAINT services_price_cents_check CHECK (price_cents >= 0)
);
GRANT SELECT ON services TO voicecore_caller;

CREATE TABLE special_hours (
    day date NOT NULL,
    opens time without time zone NOT NULL,
    closes time without time zone NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    CONSTRAINT special_hours_pkey PRIMARY KEY (day, opens),
    CONSTRAINT special_hours_check CHECK (opens < closes)
);

CREATE TABLE technician_breaks (
    technician_id integer NOT NULL,
    weekday smallint NOT NULL,
    starts time without time zone NOT NULL,
    ends time without time zone NOT NULL,
    CONSTRAINT technician_breaks_pkey PRIMARY KEY (technician_id, weekday, starts),
    CONSTRAINT technician_breaks_check CHECK (starts < ends),
    CONSTRAINT technician_breaks_weekday_check CHECK (weekday >= 1 AND weekday <= 7),
    CONSTRAINT technician_breaks_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES technicians(technician_id) ON DELETE CASCADE
);

CREATE TABLE technician_shifts (
    technician_id integer NOT NULL,
    weekday smallint NOT NULL,
    starts time without time zone NOT NULL,
    ends time without time zone NOT NULL,
    CONSTRAINT technician_shifts_pkey PRIMARY KEY (technician_id, weekday, starts),
    CONSTRAINT technician_shifts_check CHECK (starts < ends),
    CONSTRAINT technician_shifts_weekday_check CHECK (weekday >= 1 AND weekday <= 7),
    CONSTRAINT technician_shifts_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES technicians(technician_id) ON DELETE CASCADE
);

CREATE TABLE technician_skills (
    technician_id integer NOT NULL,
    skill text NOT NULL,
    CONSTRAINT technician_skills_pkey PRIMARY KEY (technician_id, skill),
    CONSTRAINT technician_skills_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES technicians(technician_id) ON DELETE CASCADE
);

CREATE TABLE technicians (
    technician_id integer NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT technicians_pkey PRIMARY KEY (technician_id),
    CONSTRAINT technicians_name_key UNIQUE (name),
    CONSTRAINT technicians_technician_id_check CHECK (technician_id >= 1 AND technician_id <= 100000)
);
GRANT SELECT ON technicians TO voicecore_caller;

CREATE TABLE text_messages (
    message_sid text NOT NULL,
    direction text NOT NULL,
    from_e164 text,
    to_e164 text,
    body text NOT NULL DEFAULT ''::text,
    status text NOT NULL,
    error_code integer,
    appointment_id bigint,
    needs_human boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT text_messages_pkey PRIMARY KEY (message_sid),
    CONSTRAINT text_messages_direction_check CHECK (direction = ANY (ARRAY['inbound'::text, 'outbound'::text])),
    CONSTRAINT text_messages_message_sid_check CHECK (length(message_sid) >= 1 AND length(message_sid) <= 64),
    CONSTRAINT text_messages_status CHECK (status = ANY (ARRAY['received'::text, 'accepted'::text, 'scheduled'::text, 'queued'::text, 'sending'::text, 'sent'::text, 'delivered'::text, 'undelivered'::text, 'failed'::text, 'canceled'::text, 'read'::text])),
    CONSTRAINT text_messages_appointment_id_fkey FOREIGN KEY (appointment_id) REFERENCES appointments(appointment_id)
);

CREATE TABLE vehicles (
    vehicle_id bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    customer_id bigint NOT NULL,
    year smallint NOT NULL,
    make text NOT NULL,
    model text NOT NULL,
    colour text,
    plate text,
    plate_region text,
    vin text NOT NULL,
    mileage integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    quality_flags text[] NOT NULL DEFAULT '{}'::text[],
    CONSTRAINT vehicles_pkey PRIMARY KEY (vehicle_id),
    CONSTRAINT vehicles_vin_key UNIQUE (vin),
    CONSTRAINT vehicles_make_check CHECK (length(make) >= 1 AND length(make) <= 60),
    CONSTRAINT vehicles_mileage_check CHECK (mileage >= 0 AND mileage <= 2000000),
    CONSTRAINT vehicles_model_check CHECK (length(model) >= 1 AND length(model) <= 60),
    CONSTRAINT vehicles_plate_check CHECK (plate ~ '^[A-Z0-9]{1,10}$'::text),
    CONSTRAINT vehicles_quality_flags CHECK (array_position(quality_flags, NULL::text) IS NULL AND cardinality(quality_flags) <= 20),
    CONSTRAINT vehicles_version CHECK (version >= 1),
    CONSTRAINT vehicles_vin_check CHECK (vin ~ '^[A-HJ-NPR-Z0-9]{17}$'::text),
    CONSTRAINT vehicles_year_check CHECK (year >= 1900 AND year <= 2100),
    CONSTRAINT vehicles_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(customer_id)
);
CREATE INDEX vehicles_customer ON public.vehicles USING btree (customer_id);
CREATE INDEX vehicles_plate_shape ON public.vehicles USING btree (translate(plate, 'OQIBSZ'::text, '001852'::text));
CREATE INDEX vehicles_vin_tail ON public.vehicles USING btree ("right"(vin, 8));
ALTER TABLE vehicles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON vehicles FOR ALL TO voicecore_caller
    USING (customer_id = current_customer_id());
GRANT SELECT ON vehicles TO voicecore_caller;

CREATE VIEW occupied_places AS
 SELECT appointment_id,
    bay_id,
    technician_id,
    status,
    during,
    hold_expires_at
   FROM appointments
  WHERE status = ANY (ARRAY['held'::text, 'confirmed'::text, 'checked_in'::text, 'in_progress'::text]);

GRANT SELECT ON occupied_places TO voicecore_caller;
