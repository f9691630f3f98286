-- Remove keys of a partition as long as it is ours: who was paused meanwhile must not wipe what another has written.
-- KEYS: position, then what to remove. ARGV: owner, epoch. Returns OK or FENCED.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch')
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return 'FENCED' end
redis.call('UNLINK', unpack(KEYS, 2))
return 'OK'
