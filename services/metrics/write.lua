-- Write what one look came to, as long as the lease is ours, and hold on to that.
-- KEYS: the lease. ARGV: token, ms, then MessagePack: commands, each with its key as the second word.
-- Returns LOST, or OK and what commands were refused for. An entry that is not newer than its stream's last one is no
-- fault: it is there already, or it was overtaken.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'LOST'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local said = {'OK'}
for _, command in ipairs(cmsgpack.unpack(ARGV[3])) do
  local answer = redis.pcall(unpack(command))
  if type(answer) == 'table' and answer.err and not string.find(answer.err, 'equal or smaller', 1, true) then
    said[#said + 1] = command[1] .. ' ' .. command[2] .. ': ' .. answer.err
  end
end
return said
