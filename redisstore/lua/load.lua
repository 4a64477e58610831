-- Reads a record of a store with NoExpire and renews its head if it is alive.
-- Atomic, because SETRANGE must not make a value where there is none, nor mark
-- a dead record alive.
--
-- KEYS[1] the record
-- ARGV[1] the new head
-- ARGV[2] the time in the form of a head
--
-- Answers the record as it was before, dead or alive, or nil.
local value = redis.call('GET', KEYS[1])
if value and #value >= 29 then
  local head = string.sub(value, 1, 13)
  if head == '0000000000000' or head > ARGV[2] then
    redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
  end
end
return value
