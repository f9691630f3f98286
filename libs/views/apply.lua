-- Write one batch of a partition, all of it or nothing; every check comes before the first write.
-- KEYS: position, counters.
-- ARGV: owner, epoch, previous input offset, input offset, log offset, history length, prefix of all keys,
--       prefix of indexes, key of all ids that there ever were, then MessagePack: counters, entities.
-- All values are ready-made strings: Lua's numbers would round them.
-- Returns OK, FENCED or BEHIND; a batch that is written already (its answer was lost) is OK.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'input_offset', '_known')
if not p[3] or (tonumber(p[3]) or -2) < tonumber(ARGV[3]) then return 'BEHIND' end
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return 'FENCED' end
if p[3] == ARGV[4] then return 'OK' end
if p[3] ~= ARGV[3] then return 'FENCED' end
local keep = tonumber(ARGV[6])
local batch = cmsgpack.unpack(ARGV[10])
local new = {}
for _, e in ipairs(batch[2]) do
  local id, name, fields, removed, history, joins, leaves, score, entries, tables, gone, first = unpack(e)
  local key = ARGV[7] .. name
  if first then new[#new + 1] = id end
  if #gone > 0 then
    redis.call('DEL', key)
    for _, part in ipairs(gone) do redis.call('DEL', key .. ':' .. part) end
    redis.call('HSET', ARGV[7] .. 'deleted:' .. id, unpack(fields))
  else
    redis.call('HSET', key, unpack(fields))
  end
  for _, t in ipairs(tables) do
    local table_key = key .. ':' .. t[1]
    if #t[2] > 0 then redis.call('HSET', table_key, unpack(t[2])) end
    if #t[3] > 0 then redis.call('HDEL', table_key, unpack(t[3])) end
  end
  if #removed > 0 then redis.call('HDEL', key, unpack(removed)) end
  local log = key .. ':log'
  local length = 0
  for first = 1, #history, 1000 do
    length = redis.call('RPUSH', log, unpack(history, first, math.min(first + 999, #history)))
  end
  if length > keep then redis.call('LTRIM', log, -keep, -1) end
  for _, index in ipairs(leaves) do redis.call('ZREM', ARGV[8] .. index, id) end
  for _, entry in ipairs(entries) do
    redis.call('XADD', key .. ':' .. entry[1], 'MAXLEN', keep, entry[2], unpack(entry[3]))
  end
  for _, index in ipairs(joins) do redis.call('ZADD', ARGV[8] .. index, score, id) end
end
local known = tonumber(p[4]) or 0
for first = 1, #new, 1000 do
  known = known + redis.call('SADD', ARGV[9], unpack(new, first, math.min(first + 999, #new)))
end
if #new > 0 then redis.call('HSET', KEYS[1], '_known', string.format('%.0f', known)) end
redis.call('HSET', KEYS[2], unpack(batch[1]))
redis.call('HSET', KEYS[1], 'input_offset', ARGV[4], 'log_offset', ARGV[5])
return 'OK'
