-- Writes the first record under an id in a store with NoExpire, where a dead one
-- may still be in the way. Atomic, because of two that find none only one may
-- write.
--
-- KEYS[1] the record
-- ARGV[1] the whole value
-- ARGV[2] the time in the form of a head
--
-- Answers 1: written. 0: there is a record.
local head = redis.call('GETRANGE', KEYS[1], 0, 12)
if head ~= '' and (head == '0000000000000' or head > ARGV[2]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
