-- Gives a record a new expiry. Atomic, because SETRANGE would make a new,
-- headless value of a record that was removed after it was seen.
--
-- KEYS[1] the record
-- ARGV[1] the new head; empty: the one that is there
-- ARGV[2] what Redis is told of the expiry: milliseconds, 'never' or 'none'
-- ARGV[3] the time in the form of a head, to see what is dead; empty: Redis does
--
-- Answers 1: done. 0: there is no record. -1: what is there is no record.
local head = redis.call('GETRANGE', KEYS[1], 0, 12)
if head == '' or (ARGV[3] ~= '' and head ~= '0000000000000' and head <= ARGV[3]) then
  return 0
end
if #head < 13 then
  return -1
end
if ARGV[1] ~= '' then
  redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
end
if ARGV[2] == 'never' then
  redis.call('PERSIST', KEYS[1])
elseif ARGV[2] ~= 'none' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
