-- The projections of a batch's entities, provided that this owner holds the partition and Redis forgot nothing.
-- KEYS: position, then the entities, then as many for what is kept of deleted ones, where a service has such.
-- ARGV: owner, epoch, the input offset known to be applied, how many entities.
-- Returns OK and for each key its fields and values (empty where there is none); or FENCED; or BEHIND; or LOST and the
-- key of an entity that is gone while its history is there: it was removed or evicted, and would begin anew.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'input_offset')
if not p[3] or (tonumber(p[3]) or -2) < tonumber(ARGV[3]) then return {'BEHIND'} end
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return {'FENCED'} end
local found = {'OK'}
for i = 2, #KEYS do found[i] = redis.call('HGETALL', KEYS[i]) end
local count = tonumber(ARGV[4])
for i = 2, count + 1 do
  local deleted = found[i + count]
  if #found[i] == 0 and not (deleted and #deleted > 0) and redis.call('EXISTS', KEYS[i] .. ':log') == 1 then
    return {'LOST', KEYS[i]}
  end
end
return found
