package sojourn

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"time"
)

// A Manager gives the requests of a web service their sessions. It is safe for
// concurrent use. Several managers, each with a cookie of its own, work side
// by side.
type Manager struct {
	opts   Options // with their defaults
	store  Store
	codec  EnvelopeCodec
	signer Signer
	hints  bool    // cookies carry time-outs
	bind   keyRing // binds records to their ids
	detect bool
	queue  commitQueue
}

// New returns a Manager that keeps its sessions in store. The secret signs the
// cookies; it is best 32 random bytes in hexadecimal, the same in every
// process of the service, kept where passwords are kept, and has at least 16
// bytes. Nil options are all defaults. The error names the option that is
// wrong, its value, and what would be right.
func New(store Store, secret string, opts *Options) (*Manager, error) {
	if store == nil {
		return nil, errors.New("sojourn: the store is nil; want one, for example from redisstore.Dial")
	}
	o := opts.withDefaults()
	if err := o.validate(secret); err != nil {
		return nil, err
	}
	m := &Manager{opts: o, store: store, detect: !o.NoChangeDetection}
	codec, ok := o.Codec.(EnvelopeCodec)
	if !ok {
		codec = withEnvelope{o.Codec}
	}
	m.codec = codec

	// The cookie's name goes into the keys, so that managers that share a
	// secret do not take each other's cookies for their own.
	secrets := append([]string{secret}, o.OldSecrets...)
	var err error
	if m.bind, err = deriveKeys(secrets, "record "+o.Cookie.Name); err != nil {
		return nil, err
	}
	m.signer = o.Signer
	if m.signer == nil {
		if m.signer, err = deriveKeys(secrets, "cookie "+o.Cookie.Name); err != nil {
			return nil, err
		}
		m.hints = true
	}
	return m, nil
}

func (m *Manager) now() time.Time { return time.Now() }

// storeContext bounds a load or a commit.
func (m *Manager) storeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, m.opts.StoreTimeout)
}

// idle returns the idle time-out that applies to a session.
func (m *Manager) idle(c *contents) time.Duration {
	if c.timeout != 0 {
		return c.timeout
	}
	return m.opts.IdleTimeout
}

// deadline returns the end of a session's life, zero if it has none.
func (m *Manager) deadline(c *contents) time.Time {
	end := c.deadline
	if m.opts.Lifetime != Never {
		if t := c.created.Add(m.opts.Lifetime); end.IsZero() || t.Before(end) {
			end = t
		}
	}
	return end
}

// ttl returns how long a record that is used now may live.
func (m *Manager) ttl(c *contents) time.Duration {
	ttl := m.idle(c)
	if end := m.deadline(c); !end.IsZero() {
		left := max(end.Sub(m.now()), time.Millisecond)
		if ttl == Never || left < ttl {
			ttl = left
		}
	}
	return ttl
}

// threshold returns the remaining life below which a session is refreshed.
func (m *Manager) threshold(idle time.Duration) time.Duration {
	return time.Duration(float64(m.opts.RefreshBelow) / float64(m.opts.IdleTimeout) * float64(idle))
}

// A record's data is a binding of 16 characters, then the envelope. The
// binding is a keyed hash of the id, so that an answer that belongs to another
// id is noticed.
const bindingLength = 16

func binding(key []byte, id string) string {
	return base64.RawURLEncoding.EncodeToString(mac(key, id)[:bindingLength*3/4])
}

func (m *Manager) encodeRecord(id string, c *contents) (*Record, error) {
	envelope, err := c.encode()
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, bindingLength+len(envelope))
	data = append(data, binding(m.bind[0], id)...)
	return &Record{Data: append(data, envelope...), Version: newVersion()}, nil
}

// tombstone is what a renewal leaves under the old id for a moment: a binding
// without an envelope.
func (m *Manager) tombstone(id string) *Record {
	return &Record{Data: []byte(binding(m.bind[0], id)), Version: newVersion()}
}

var errTombstone = errors.New("the session has moved to a new id")

// decodeRecord decodes a record that a store returned for id.
func (m *Manager) decodeRecord(id string, rec *Record) (*contents, error) {
	if len(rec.Data) < bindingLength {
		return nil, &InvalidError{Reason: ErrUndecodable, Err: errors.New("the record is too short")}
	}
	got, bound := rec.Data[:bindingLength], false
	for _, key := range m.bind {
		bound = bound || hmac.Equal(got, []byte(binding(key, id)))
	}
	if !bound {
		return nil, ErrMisdelivered
	}
	if len(rec.Data) == bindingLength {
		return nil, errTombstone
	}
	c := newContents(m.codec, m.detect, m.now())
	return c, c.decode(rec.Data[bindingLength:])
}

// outOfStep has the store discard a connection that answers for other ids.
func (m *Manager) outOfStep() bool {
	r, ok := m.store.(Resetter)
	if ok {
		r.Reset()
	}
	return ok
}
