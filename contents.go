package sojourn

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"
)

// contents is what a session holds: its encoded values, those of them that
// were touched as Go values, its own settings, and the log of what was done to
// them. Changes are functions, so that they can be done again to the contents
// that another request has saved meanwhile.
type contents struct {
	codec  EnvelopeCodec
	detect bool // look for changes inside values

	raw   map[string][]byte // encoded values; behind live where that was changed
	live  map[string]*value // values that were read or set
	dirty bool              // differs from the record it was decoded from
	log   []change          // what was done since it was decoded

	created       time.Time
	timeout       time.Duration // own idle time-out; 0: the manager's
	deadline      time.Time     // own end of life; zero: the manager's
	cookieMaxAge  time.Duration // own Max-Age; 0: the manager's
	cookieExpires time.Time     // own Expires; zero: the manager's
}

// A change is one entry of a session's change log.
type change func(*contents) error

// value is a touched value. seen is its encoding at the time when it and the
// change log last agreed; nil if the log itself refers to v.
type value struct {
	v      any
	seen   []byte
	watch  bool    // v can be altered in place
	freeze *[]byte // takes the first encoding
}

func newContents(codec EnvelopeCodec, detect bool, now time.Time) *contents {
	return &contents{codec: codec, detect: detect, created: now.Truncate(time.Millisecond)}
}

func (c *contents) decode(data []byte) error {
	e, err := c.codec.UnmarshalEnvelope(data)
	if err != nil {
		return &InvalidError{Reason: ErrUndecodable, Err: err}
	}
	if e.Version < formatVersion {
		return &InvalidError{Reason: ErrOldFormat}
	}
	if e.Version > formatVersion {
		return &InvalidError{Reason: ErrUndecodable, Err: errors.New("it has a newer format than this version of the library reads")}
	}
	c.raw = e.Values
	c.created = time.UnixMilli(e.Created)
	c.timeout = fromMillis(e.Timeout)
	c.deadline = fromUnixMilli(e.Deadline)
	c.cookieMaxAge = fromMillis(e.CookieMaxAge)
	c.cookieExpires = fromUnixMilli(e.CookieExpires)
	return nil
}

func (c *contents) encode() ([]byte, error) {
	return c.codec.MarshalEnvelope(&Envelope{
		Values:        c.raw,
		Created:       c.created.UnixMilli(),
		Version:       formatVersion,
		Timeout:       toMillis(c.timeout),
		Deadline:      toUnixMilli(c.deadline),
		CookieMaxAge:  toMillis(c.cookieMaxAge),
		CookieExpires: toUnixMilli(c.cookieExpires),
	})
}

// do applies a change and logs it. A change that fails is not logged.
func (c *contents) do(ch change) error {
	if err := ch(c); err != nil {
		return err
	}
	c.log = append(c.log, ch)
	return nil
}

// replay applies the change log of old. Values that old has read, and that
// neither the log nor another request touched, stay watched.
func (c *contents) replay(old *contents) error {
	for _, ch := range old.log {
		if err := ch(c); err != nil {
			return err
		}
	}
	c.log = old.log
	for key, v := range old.live {
		_, logged := c.live[key]
		if enc, ok := c.raw[key]; ok && !logged && bytes.Equal(enc, v.seen) {
			c.put(key, v)
		}
	}
	return nil
}

// settle encodes the touched values, so that raw is complete and dirty exact,
// and logs those that were altered in place.
func (c *contents) settle() error {
	for key, v := range c.live {
		if v.seen == nil || v.watch {
			if err := c.settleValue(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contents) settleValue(key string, v *value) error {
	enc, err := c.marshal(key, v.v)
	if err != nil {
		return err
	}
	if before := v.seen; before != nil && !bytes.Equal(enc, before) {
		c.log = append(c.log, func(c *contents) error { return c.alter(key, before, enc) })
	}
	c.store(key, enc)
	v.seen = enc
	if v.freeze != nil && *v.freeze == nil {
		*v.freeze = enc
	}
	return nil
}

func (c *contents) store(key string, enc []byte) {
	if old, ok := c.raw[key]; ok && bytes.Equal(old, enc) {
		return
	}
	if c.raw == nil {
		c.raw = make(map[string][]byte)
	}
	c.raw[key] = enc
	c.dirty = true
}

func (c *contents) marshal(key string, v any) ([]byte, error) {
	enc, err := c.codec.Marshal(v)
	if err != nil {
		return nil, &ValueError{Key: key, Type: reflect.TypeOf(v), Err: err}
	}
	return enc, nil
}

func (c *contents) has(key string) bool {
	_, ok := c.live[key]
	if !ok {
		_, ok = c.raw[key]
	}
	return ok
}

func (c *contents) keys() []string {
	keys := slices.Collect(maps.Keys(c.raw))
	for k := range c.live {
		if _, ok := c.raw[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (c *contents) len() int {
	n := len(c.raw)
	for k := range c.live {
		if _, ok := c.raw[k]; !ok {
			n++
		}
	}
	return n
}

// set returns the change that sets a value. What it sets again, in a replay, is
// what was encoded first: later alterations of v are logged by themselves.
func set(key string, v any) change {
	var frozen []byte
	return func(c *contents) error {
		if frozen == nil {
			c.put(key, &value{v: v, watch: c.watches(v), freeze: &frozen})
			return nil
		}
		delete(c.live, key)
		c.store(key, frozen)
		return nil
	}
}

func (c *contents) put(key string, v *value) {
	if c.live == nil {
		c.live = make(map[string]*value)
	}
	c.live[key] = v
}

func (c *contents) remove(key string) {
	delete(c.live, key)
	if _, ok := c.raw[key]; ok {
		delete(c.raw, key)
		c.dirty = true
	}
}

func (c *contents) clear() {
	for _, key := range c.keys() {
		c.remove(key)
	}
}

// get returns the value under key as a T; ok is false if there is none. The
// value is watched from then on.
func get[T any](c *contents, key string) (t T, ok bool, err error) {
	enc, ok := c.raw[key]
	if v, touched := c.live[key]; touched {
		if t, same := v.v.(T); same {
			return t, true, nil
		}
		// Held as another type: read what it is now as a T.
		if err := c.settleValue(key, v); err != nil {
			return t, false, err
		}
		enc, ok = v.seen, true
	}
	if !ok {
		return t, false, nil
	}
	if err := c.codec.Unmarshal(enc, &t); err != nil {
		var zero T
		return zero, false, &ValueError{Key: key, Type: reflect.TypeFor[T](), Err: err}
	}
	c.put(key, &value{v: t, seen: enc, watch: c.watches(t)})
	return t, true, nil
}

// update replaces the value under key by what fn makes of it. The log refers
// to fn and not to its result, so the result is remembered as it is now.
func update[T any](c *contents, key string, fn func(T) T) (T, error) {
	t, _, err := get[T](c, key)
	if err != nil {
		return t, err
	}
	if v := c.live[key]; v != nil && v.watch && v.seen != nil {
		if err := c.settleValue(key, v); err != nil { // before fn alters it
			return t, err
		}
	}
	t = fn(t)
	v := &value{v: t, watch: c.watches(t)}
	if v.watch {
		if v.seen, err = c.marshal(key, t); err != nil {
			return t, err
		}
	}
	c.put(key, v)
	return t, nil
}

func (c *contents) watches(v any) bool { return c.detect && mutable(reflect.TypeOf(v)) }

// mutable reports whether a value of type t shares memory with its copies, so
// that it can be altered without being set.
func mutable(t reflect.Type) bool {
	if t == nil || t == reflect.TypeFor[time.Time]() {
		return false
	}
	switch t.Kind() {
	case reflect.Array:
		return mutable(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if mutable(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return true
	}
	return false
}

func toMillis(d time.Duration) int64 {
	if d == Never {
		return -1
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

func fromMillis(ms int64) time.Duration {
	if ms < 0 {
		return Never
	}
	return time.Duration(ms) * time.Millisecond
}

func toUnixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromUnixMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
