// Package redisstore keeps sessions in Redis 6.2 or newer, or Valkey.
//
//	store, err := redisstore.Dial("redis://localhost:6379/0")
//	sessions, err := sojourn.New(store, secret, nil)
//
// A session is one string under prefix + id. Every method of the [Store] is one
// command. Two conditions are decided inside Redis, by scripts of a few lines:
// that a record is still the one that was read, and that it is there at all.
// Users of an ACL must allow GET, GETEX, SET, DEL, PING, EVAL, EVALSHA, and for
// the scripts GETRANGE, SETRANGE, PERSIST and PEXPIRE.
//
// Redis loses what it has acknowledged if it dies before that is on disk or on a
// replica: sessions are as durable as appendonly and replication are set.
package redisstore
