"""SQL that both a hold and a move begin with: clear the day, then list what is free."""

from __future__ import annotations

# Parameters: $1 and $2 bound the work, $3 the bays, $4 the technicians (empty: none is needed),
# $5 the shop's zone, $6 the day at the shop. $7 is an appointment that is not in the way: the one
# that is moved, else 0.
#
# It runs for a caller too, who may not see other people's rows: a function removes the expired
# holds of the day, and a view tells what is taken.
EXPIRED_AND_FREE = """
freed AS MATERIALIZED (
    SELECT appointment_id, during, service_code FROM free_expired_holds($6::date, $5)
), taken AS MATERIALIZED (
    SELECT bay_id, technician_id FROM occupied_places
    WHERE lower(during) >= $1::timestamptz - interval '24 hours' AND lower(during) < $2
      AND upper(during) > $1 AND status IN ('held', 'confirmed', 'checked_in', 'in_progress')
      AND (status <> 'held' OR hold_expires_at > now()) AND appointment_id <> $7::bigint
), free_bays AS (
    SELECT bay_id, place FROM unnest($3::integer[]) WITH ORDINALITY AS wanted (bay_id, place)
    WHERE bay_id NOT IN (SELECT bay_id FROM taken)
      AND NOT EXISTS (
          SELECT FROM closures c WHERE c.during && tstzrange($1, $2)
              AND (c.bay_id IS NULL OR c.bay_id = wanted.bay_id))
), free_people AS (
    SELECT technician_id, place
    FROM unnest($4::integer[]) WITH ORDINALITY AS wanted (technician_id, place)
    WHERE technician_id NOT IN (SELECT technician_id FROM taken WHERE technician_id IS NOT NULL)
    UNION ALL
    SELECT NULL, 1 WHERE cardinality($4::integer[]) = 0
), free AS (
    -- Along the diagonals: a pair that fails says little about one that shares nothing with it.
    SELECT b.bay_id, p.technician_id,
           row_number() OVER (ORDER BY (p.place - b.place + 1000) % 1000, b.place) AS place
    FROM free_bays b CROSS JOIN free_people p
)
"""
