-- Take a partition back to its beginning in the eyes of everybody; its keys are wiped after that.
-- KEYS: position, counters. ARGV: owner, epoch. Returns OK and the epoch from now on; or FENCED.
-- Until all is wiped there are counters, by which whoever comes after an interruption knows that there are leftovers.
-- The epoch is a new one: a copy of Redis from just before is ours as well, but of further on than we are.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', '_rebuild_until', '_state_end')
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return {'FENCED'} end
local time = redis.call('TIME')
local epoch = string.format('%.0f', math.max((tonumber(p[2]) or 0) + 1, time[1] * 1000000 + time[2]))
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', p[1], 'epoch', epoch, 'ready', '0', 'input_offset', '-1', 'log_offset', '-1')
if p[3] then redis.call('HSET', KEYS[1], '_rebuild_until', p[3]) end
if p[4] then redis.call('HSET', KEYS[1], '_state_end', p[4]) end
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('HSET', KEYS[2], 'in_total', '0') end
return {'OK', epoch}
