-- Bring the hash of credentials from one offset of their topic to another; both as the hash itself says it.
-- KEYS: the hash. ARGV: the offset it is at ('' = none), the offset to come to, then name and record in turn ('' = revoked).
-- Nothing is taken on top of another offset than the one it was read from, so the hash is always what a beginning of the
-- topic amounts to, whoever fills it and however many do. Returns OK or MOVED.
local at = redis.call('HGET', KEYS[1], '_next')
if (at or '') ~= ARGV[1] then return 'MOVED' end
if not at then redis.call('DEL', KEYS[1]) end
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('HSET', KEYS[1], '_next', ARGV[2])
return 'OK'
