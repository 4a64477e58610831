-- Replaces a record if it is still the one that was read. Atomic, because a
-- write between the comparison and the SET would be lost.
--
-- KEYS[1] the record
-- ARGV[1] the version to be replaced
-- ARGV[2] the new head; empty: the one that is there
-- ARGV[3] the new version and data
-- ARGV[4] what Redis is told of the expiry: milliseconds, 'keep' or 'none'
-- ARGV[5] the time in the form of a head, to see what is dead; empty: Redis does
--
-- Answers '+' and the new version: written. '-' and the new version: there is no
-- record. '=', the new version and the record that is there instead. The version
-- in the answer shows the caller that it is the answer to this question.
local at = redis.call('GETRANGE', KEYS[1], 0, 28)
local head = string.sub(at, 1, 13)
local echo = string.sub(ARGV[3], 1, 16)
if at == '' or (ARGV[5] ~= '' and head ~= '0000000000000' and head <= ARGV[5]) then
  return '-' .. echo
end
if string.sub(at, 14, 29) ~= ARGV[1] then
  return '=' .. echo .. redis.call('GET', KEYS[1])
end
if ARGV[2] ~= '' then
  head = ARGV[2]
end
if ARGV[4] == 'none' then
  redis.call('SET', KEYS[1], head .. ARGV[3])
elseif ARGV[4] == 'keep' then
  redis.call('SET', KEYS[1], head .. ARGV[3], 'KEEPTTL')
else
  redis.call('SET', KEYS[1], head .. ARGV[3], 'PX', ARGV[4])
end
return '+' .. echo
