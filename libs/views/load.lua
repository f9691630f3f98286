-- The projections of a batch's entities, provided that this owner holds the partition and Redis forgot nothing.
-- KEYS: position, then the entities. ARGV: owner, epoch, the input offset known to be applied.
-- Returns OK and for each entity its fields and values (empty where there is none); or FENCED; or BEHIND.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'input_offset')
if not p[3] or tonumber(p[3]) < tonumber(ARGV[3]) then return {'BEHIND'} end
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return {'FENCED'} end
local found = {'OK'}
for i = 2, #KEYS do found[i] = redis.call('HGETALL', KEYS[i]) end
return found
