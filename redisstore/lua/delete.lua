-- Removes a record if it is still the one that was read. Atomic, because what
-- another request wrote between the comparison and the DEL would be lost.
--
-- KEYS[1] the record
-- ARGV[1] its version
-- ARGV[2] the time in the form of a head, to see what is dead; empty: Redis does
--
-- Answers '+' and the version: removed. '-' and the version: there is no record.
-- '=', the version and the record that is there instead.
local at = redis.call('GETRANGE', KEYS[1], 0, 28)
local head = string.sub(at, 1, 13)
if at == '' or (ARGV[2] ~= '' and head ~= '0000000000000' and head <= ARGV[2]) then
  return '-' .. ARGV[1]
end
if string.sub(at, 14, 29) ~= ARGV[1] then
  return '=' .. ARGV[1] .. redis.call('GET', KEYS[1])
end
redis.call('DEL', KEYS[1])
return '+' .. ARGV[1]
