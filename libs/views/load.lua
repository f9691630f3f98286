-- The projections of a batch's entities, provided that this owner holds the partition and Redis forgot nothing: of the
-- first ones only, where all of them would be too much at once.
-- KEYS: position, then the entities, then as many for what is kept of deleted ones, where a service has such.
-- ARGV: owner, epoch, the input offset known to be applied, how many entities, bytes after which no further one is read.
-- Returns OK and for each entity that was read its fields and values (empty where there is none); or FENCED; or BEHIND; or
-- LOST and the key of an entity that is gone while its history is there: it was removed or evicted, and would begin anew.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'input_offset')
if not p[3] or (tonumber(p[3]) or -2) < tonumber(ARGV[3]) then return {'BEHIND'} end
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return {'FENCED'} end
local count, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local found, bytes = {'OK'}, 0
for i = 2, count + 1 do
  local one = redis.call('HGETALL', KEYS[i])
  if #one == 0 and KEYS[i + count] then one = redis.call('HGETALL', KEYS[i + count]) end
  if #one == 0 and redis.call('EXISTS', KEYS[i] .. ':log') == 1 then return {'LOST', KEYS[i]} end
  found[i] = one
  for _, text in ipairs(one) do bytes = bytes + #text end
  if bytes > most then break end
end
return found
