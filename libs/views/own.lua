-- Say of a partition what only its owner may say, and look where it stands.
-- KEYS: position. ARGV: owner, epoch, the input offset known to be applied, then fields and values to set.
-- Returns OK, FENCED or BEHIND.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'input_offset')
if not p[3] or (tonumber(p[3]) or -2) < tonumber(ARGV[3]) then return 'BEHIND' end
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return 'FENCED' end
if #ARGV > 3 then redis.call('HSET', KEYS[1], unpack(ARGV, 4)) end
return 'OK'
