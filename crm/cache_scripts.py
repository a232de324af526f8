"""The cache's Lua: every step that reads a key and then writes it is one of these.

A key of the cache holds one of three things, told apart by the first letter: `V`, a value with its
version; `L`, a lease of the reader who is fetching the value; `T`, a tombstone with the tokens of
the writers who are changing it. Anything else, another type included, counts as absent.
"""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """What `ACQUIRE` found: the first item of its answer; the second is the value, if there is one.

    Only `GRANTED` allows a fill.
    """

    CHANGING = 0
    HELD = 1
    BUSY = 2
    GRANTED = 3


class Taking(IntEnum):
    """What `ACQUIRE` may put its lease over: nothing, another lease, or a value too."""

    FREE = 0
    LEASE = 1
    VALUE = 2


# A tombstone is never replaced by a reader, whatever it wants.
ACQUIRE = """
local prefix, token, lease_ms, taking = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then
  redis.call('DEL', KEYS[1])
elseif held then
  local mark = string.sub(held, 1, 1)
  if mark == 'T' then return {0, ''} end
  if string.sub(held, 1, #prefix) == prefix then
    if taking < 2 then return {1, held} end
  elseif mark == 'L' and taking < 1 then
    return {2, ''}
  end
end
redis.call('SET', KEYS[1], 'L' .. token, 'PX', lease_ms)
return {3, ''}
"""
"""KEYS: the entry. ARGV: version prefix, token, life of the lease in ms, `Taking`."""

FILL = """
local held = redis.pcall('GET', KEYS[1])
if held ~= 'L' .. ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
"""
"""KEYS: the entry. ARGV: token, value (empty: give the lease back), life in ms. 1: it was ours."""

MARK = """
local held = redis.pcall('GET', KEYS[1])
local tokens = ''
if type(held) == 'string' and string.sub(held, 1, 1) == 'T' then tokens = string.sub(held, 2) end
redis.call('SET', KEYS[1], 'T' .. tokens .. ARGV[1], 'PX', ARGV[2])
return 1
"""
"""KEYS: the entry. ARGV: the writer's token, life in ms. Value and lease are gone afterwards."""

# Tokens have one length, and their alphabet has no pattern characters.
SETTLE = """
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' and string.sub(held, 1, 1) == 'T' then
  local others = string.gsub(string.sub(held, 2), ARGV[1], '')
  if others ~= '' then
    local left_ms = redis.call('PTTL', KEYS[1])
    if left_ms > 0 then redis.call('SET', KEYS[1], 'T' .. others, 'PX', left_ms) end
    return 0
  end
end
return redis.call('DEL', KEYS[1])
"""
"""KEYS: the entry. ARGV: the writer's token. Other writers' tokens stay."""
