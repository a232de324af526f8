-- Calls that we place: when each was dialled, one line at a time, and the pace of all workers.

ALTER TABLE outbound_attempts
    -- When the request to Twilio was begun last; written before it is sent.
    ADD COLUMN dialed_at timestamptz,
    -- Requests to Twilio, those of unknown outcome among them; `attempt` counts calls.
    ADD COLUMN tries smallint NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 100),
    -- The text message, where the attempt is one.
    ADD COLUMN message_sid text UNIQUE;

-- Somebody whose phone rings because of one appointment is not rung for another one.
CREATE UNIQUE INDEX outbound_attempts_one_line ON outbound_attempts (phone_e164)
    WHERE kind = 'reminder' AND status IN ('dialing', 'answered');
CREATE INDEX outbound_attempts_phone_dialed ON outbound_attempts (phone_e164, dialed_at)
    WHERE dialed_at IS NOT NULL;

-- When the next call may be placed, whichever worker places it.
CREATE TABLE outbound_pace (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    next_at  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO outbound_pace DEFAULT VALUES;

-- When this number sent STOP, NULL: never, or it has sent START since. A row may stand for both, a
-- word on the phone and a STOP by text, and only the latter can be taken back by text.
ALTER TABLE do_not_call ADD COLUMN texts_stopped_at timestamptz;
