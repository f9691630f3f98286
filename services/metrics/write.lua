-- Write some of what a look came to, as long as the lease is ours, and hold on to that.
-- KEYS: the lease, what was written last. ARGV: token, ms, the number of this write, then MessagePack: commands, each
-- with its key as the second word.
-- Returns TAKEN or ENDED (nobody has it now), or OK and what commands were refused for. An entry that is not newer than
-- its stream's last one is no fault: it is there already, or it was overtaken.
local held = redis.call('GET', KEYS[1])
if not held then return {'ENDED'} end
if held ~= ARGV[1] then return {'TAKEN'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local said = {'OK'}
for _, command in ipairs(cmsgpack.unpack(ARGV[4])) do
  local answer = redis.pcall(unpack(command))
  if type(answer) == 'table' and answer.err and not string.find(answer.err, 'equal or smaller', 1, true) then
    said[#said + 1] = command[1] .. ' ' .. command[2] .. ': ' .. answer.err
  end
end
redis.call('SET', KEYS[2], ARGV[1] .. ':' .. ARGV[3])
return said
