-- The projections of a batch's entities, provided that this owner holds the partition and Redis forgot nothing: of the
-- first ones only, where all of them would be too much at once.
-- KEYS: position, then the entities, then as many for what is kept of deleted ones, where a service has such.
-- ARGV: owner, epoch, the input offset known to be applied, the key of all ids that there ever were, bytes after which no
--       further entity is read, then the entities' ids.
-- Returns OK and for each entity that was read its fields and values (empty where there is none); or FENCED; or BEHIND; or
-- LOST and a key that was removed, evicted or cut short: what it held would begin anew.
local p = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'input_offset', '_known')
if not p[3] or (tonumber(p[3]) or -2) < tonumber(ARGV[3]) then return {'BEHIND'} end
if p[1] ~= ARGV[1] or p[2] ~= ARGV[2] then return {'FENCED'} end
local known, most, count = ARGV[4], tonumber(ARGV[5]), #ARGV - 5
if redis.call('SCARD', known) ~= (tonumber(p[4]) or 0) then return {'LOST', known} end
local found, bytes = {'OK'}, 0
local was = count > 0 and redis.call('SMISMEMBER', known, unpack(ARGV, 6))
for i = 1, count do
  local key = KEYS[i + 1]
  local one, deleted = redis.call('HGETALL', key), false
  if #one == 0 and KEYS[i + 1 + count] then
    one = redis.call('HGETALL', KEYS[i + 1 + count])
    deleted = #one > 0
  end
  if (#one > 0) ~= (was[i] == 1) then return {'LOST', #one > 0 and known or key} end
  local sequence
  for at, text in ipairs(one) do
    bytes = bytes + #text
    if at % 2 == 1 and text == 'sequence' then sequence = one[at + 1] end
  end
  if sequence and sequence ~= '0' and not deleted and redis.call('EXISTS', key .. ':log') == 0 then
    return {'LOST', key .. ':log'}
  end
  found[i + 1] = one
  if bytes > most then break end
end
return found
