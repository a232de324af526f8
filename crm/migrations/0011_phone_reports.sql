-- What Twilio reports of calls, their streams and text messages; the newest word stays.

ALTER TABLE calls
    ADD COLUMN status          text,
    ADD COLUMN status_sequence integer,
    ADD COLUMN duration_s      integer,
    ADD COLUMN answered_by     text,
    ADD COLUMN attestation     text,
    ADD COLUMN error_code      text,
    ADD CONSTRAINT calls_status CHECK (status IN (
        'queued', 'initiated', 'ringing', 'in-progress',
        'completed', 'busy', 'failed', 'no-answer', 'canceled')),
    ADD CONSTRAINT calls_duration CHECK (duration_s >= 0),
    ADD CONSTRAINT calls_attestation CHECK (attestation IN ('A', 'B', 'C', 'failed', 'none'));

CREATE TABLE call_streams (
    call_sid   text NOT NULL REFERENCES calls ON DELETE CASCADE,
    stream_sid text NOT NULL CHECK (length(stream_sid) BETWEEN 1 AND 64),
    event      text NOT NULL CHECK (event IN ('stream-started', 'stream-stopped', 'stream-error')),
    error      text NOT NULL DEFAULT '',
    at         timestamptz NOT NULL,
    PRIMARY KEY (call_sid, stream_sid)
);

-- `needs_human`: nothing in us can answer this message; it waits for somebody of the shop.
CREATE TABLE text_messages (
    message_sid    text PRIMARY KEY CHECK (length(message_sid) BETWEEN 1 AND 64),
    direction      text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    from_e164      text,
    to_e164        text,
    body           text NOT NULL DEFAULT '',
    status         text NOT NULL,
    error_code     integer,
    appointment_id bigint REFERENCES appointments,
    needs_human    boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT text_messages_status CHECK (status IN (
        'received', 'accepted', 'scheduled', 'queued', 'sending', 'sent',
        'delivered', 'undelivered', 'failed', 'canceled', 'read'))
);

-- How far a report is on its way; what is reported twice or late never takes a row back.
CREATE FUNCTION call_step(status text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE status WHEN 'queued' THEN 1 WHEN 'initiated' THEN 2 WHEN 'ringing' THEN 3
                   WHEN 'in-progress' THEN 4 ELSE CASE WHEN status IS NULL THEN 0 ELSE 9 END END;
CREATE FUNCTION stream_step(event text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE event WHEN 'stream-started' THEN 1 WHEN 'stream-stopped' THEN 2 ELSE 3 END;
CREATE FUNCTION message_step(status text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE status WHEN 'accepted' THEN 1 WHEN 'scheduled' THEN 1 WHEN 'queued' THEN 2
                   WHEN 'sending' THEN 3 WHEN 'sent' THEN 4 WHEN 'read' THEN 6 ELSE 5 END;
CREATE FUNCTION answer_weight(verdict text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(array_position(ARRAY['unknown', 'human', 'machine_start', 'fax',
    'machine_end_other', 'machine_end_silence', 'machine_end_beep'], verdict), 0);
