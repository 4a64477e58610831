package redisstore

import (
	"fmt"
	"time"
)

const (
	defaultPrefix  = "sojourn:"
	defaultTimeout = 2 * time.Second
)

// Options are the settings of a [Store]. A nil *Options and every zero field
// mean the default.
type Options struct {
	// Prefix is put before every id to make the Redis key. Default "sojourn:".
	// Programs that share a Redis database need different ones.
	Prefix string

	// NoPrefix makes the id itself the key. It excludes Prefix.
	NoPrefix bool

	// NoExpire is for a Redis that evicts what was used least (maxmemory-policy
	// allkeys-lru) instead of letting keys expire: Redis is never told of an
	// expiry. The store keeps the time in the record and refuses records past
	// it; Load then answers [sojourn.ErrTimedOut]. Nothing removes them but the
	// eviction, so a Redis without one fills up.
	//
	// The time is that of the machine the store runs on: clocks must agree. Do
	// not switch it off again for a database that still holds such records,
	// because those whose time is over would count as alive. Check the policy
	// with CONFIG GET maxmemory-policy. Reading with a new ttl is a script here,
	// about twice the work for Redis.
	NoExpire bool

	// Timeout is how long a method may take when its context has no deadline.
	// Default 2 s. A context with a deadline may ask for less or more, but when
	// a store made by Dial has had no answer on a connection for 2 s, or for
	// Timeout if that is more, it gives the connection up.
	Timeout time.Duration
}

// validate returns the options with the defaults filled in.
func (o *Options) validate() (Options, error) {
	if o == nil {
		o = &Options{}
	}
	v := *o
	if v.NoPrefix && v.Prefix != "" {
		return v, fmt.Errorf("redisstore: Options.Prefix is %q although Options.NoPrefix is true: set one of them", v.Prefix)
	}
	if v.Timeout < 0 {
		return v, fmt.Errorf("redisstore: Options.Timeout is %v: it must be positive, or 0 for %v", v.Timeout, defaultTimeout)
	}
	if v.Prefix == "" && !v.NoPrefix {
		v.Prefix = defaultPrefix
	}
	if v.Timeout == 0 {
		v.Timeout = defaultTimeout
	}
	return v, nil
}
