package memstore

import (
	"fmt"
	"time"
)

// Options are the limits of a [Store]. A field that is zero means its default;
// a negative one is an error of [New].
type Options struct {
	// MaxSessions is how many records the store holds at most, expired ones
	// that were not removed yet included. The default is 100,000.
	MaxSessions int

	// MaxBytes is how many bytes the records take at most, each being counted
	// as the length of its data and its id and 128 for the bookkeeping. The
	// process uses more, as the garbage collector needs room to work. The
	// default is 256 MiB.
	MaxBytes int64

	// SweepInterval is the time between two searches for expired records. It
	// decides how long their memory stays in use, not how long they live: an
	// expired record is never returned. The default is one minute.
	SweepInterval time.Duration
}

const (
	defaultMaxSessions   = 100_000
	defaultMaxBytes      = 256 << 20
	defaultSweepInterval = time.Minute
)

func (opts *Options) withDefaults() (Options, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	const message = "memstore: Options.%s is %v; it has to be positive, or zero for %v"
	switch {
	case o.MaxSessions < 0:
		return o, fmt.Errorf(message, "MaxSessions", o.MaxSessions, defaultMaxSessions)
	case o.MaxBytes < 0:
		return o, fmt.Errorf(message, "MaxBytes", o.MaxBytes, defaultMaxBytes)
	case o.SweepInterval < 0:
		return o, fmt.Errorf(message, "SweepInterval", o.SweepInterval, defaultSweepInterval)
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = defaultMaxSessions
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.SweepInterval == 0 {
		o.SweepInterval = defaultSweepInterval
	}
	return o, nil
}
