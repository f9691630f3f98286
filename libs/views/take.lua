-- Take a partition: a higher epoch shuts every earlier owner out.
-- KEYS: position, counters. ARGV: owner, lease in ms ('0' for a worker).
-- Returns OK, epoch, input_offset, log_offset, counters, end of states, number of known ids ('' = none is kept); or
-- REBUILDING, owner.
-- Counters that are no hash are none that count, and offsets that are no numbers none that hold: the partition is told to
-- be at its beginning, and what is there are leftovers.
local function offset(text) return text and (text == '-1' or #text < 17 and string.find(text, '^%d+$')) and text end
local held = redis.call('HMGET', KEYS[1], '_rebuild_until', 'owner', 'epoch', '_state_end', '_known')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if (tonumber(held[1] or '') or 0) > now and held[2] ~= ARGV[1] then
  return {'REBUILDING', held[2]}
end
-- No epoch comes twice, even if the counter was forgotten: a copy from before a FLUSHALL may name this very owner.
local epoch = math.max((tonumber(held[3]) or 0) + 1, time[1] * 1000000 + time[2])
local at = redis.call('HMGET', KEYS[1], 'input_offset', 'log_offset')
if not offset(at[1]) or not offset(at[2]) or (at[1] == '-1') ~= (at[2] == '-1') then
  at = {'-1', '-1'}
  redis.call('HSET', KEYS[1], 'input_offset', at[1], 'log_offset', at[2])
end
local states = offset(held[4]) or '-1'
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', string.format('%.0f', epoch), 'ready', '0')
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], '_rebuild_until')
else
  redis.call('HSET', KEYS[1], '_rebuild_until', string.format('%.0f', now + ARGV[2]))
end
local counters = redis.call('TYPE', KEYS[2]).ok
if counters ~= 'hash' and counters ~= 'none' then
  return {'OK', string.format('%.0f', epoch), '-1', '-1', {}, states, held[5] or ''}
end
return {'OK', string.format('%.0f', epoch), at[1], at[2], redis.call('HGETALL', KEYS[2]), states, held[5] or ''}
