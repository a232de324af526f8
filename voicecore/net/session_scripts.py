"""The Lua of the session store: every step that reads a session and then writes it is one of these.

`session:{call_sid}` is a hash: `owner` and `epoch` (who serves the call, counted up at each
take-over), `phase`, `snapshot` with its `version`, and `turn:<n>` for each turn. A write that
carries an older epoch is refused: it comes from a worker that was frozen while another took over. A
newer epoch than the hash knows is taken on, as Redis may have come back empty.
"""

from __future__ import annotations

# Whatever is no hash under the key is not ours. ARGV[1] is the writer's epoch.
_OPEN = """
local kind = redis.call('TYPE', KEYS[1])
kind = kind.ok or kind
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local function held(field) return redis.call('HGET', KEYS[1], field) or '' end
local epoch, held_epoch = tonumber(ARGV[1]), tonumber(held('epoch')) or 0
"""
_FENCE = """
if epoch < held_epoch then return -1 end
if epoch > held_epoch then redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'version', '-1') end
"""
# What has ended is not kept longer because a late turn comes in.
_KEEP = """
if held('phase') ~= 'ended' or redis.call('TTL', KEYS[1]) < 0 then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
"""

SAVE = (
    _OPEN
    + _FENCE
    + """
if tonumber(ARGV[3]) <= (tonumber(held('version')) or -1) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'phase', ARGV[4], 'snapshot', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)
"""ARGV: epoch, life in s, version, phase, snapshot. 1 saved, 0 not newer, -1 fenced off."""

APPEND_TURN = (
    _OPEN
    + _FENCE
    + """
local is_new = redis.call('HSETNX', KEYS[1], 'turn:' .. ARGV[3], ARGV[4])
"""
    + _KEEP
    + "return is_new"
)
"""ARGV: epoch, life in s, number, body. 1 appended, 0 it is there already, -1 fenced off."""

CHANGE_PHASE = (
    _OPEN
    + _FENCE
    + """
if held('phase') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'phase', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)
"""ARGV: epoch, life in s, old phase ('': none yet), new phase. 1 changed, 0 it was another, -1."""

# The snapshot stays for the new owner, who counts its versions from the start.
TAKE_OVER = (
    _OPEN
    + """
if held('owner') == ARGV[3] and held_epoch == epoch + 1 then return held_epoch end
if held_epoch > epoch then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[3], 'epoch', string.format('%d', epoch + 1),
           'version', '-1')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return epoch + 1
"""
)
"""ARGV: the epoch that was seen, life in s, owner. The new epoch, or 0: somebody was faster."""
