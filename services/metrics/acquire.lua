-- Take the lease, or hold on to it, as long as nobody else has it.
-- KEYS: the lease. ARGV: token, ms. Returns 1 or 0.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
