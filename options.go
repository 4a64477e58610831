package sojourn

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Options are the choices of a [Manager]. The zero value of every field is its
// documented, safe default; nil Options are all defaults.
type Options struct {
	// IdleTimeout ends a session that was not used for so long: 20 minutes
	// by default, [Never] for no such limit. The store enforces it, whatever
	// the cookie says.
	IdleTimeout time.Duration

	// Lifetime ends a session so long after it was made, however much it is
	// used: 24 hours by default, [Never] for no such limit. Renewal does not
	// extend it.
	Lifetime time.Duration

	// RefreshBelow is a threshold for renewing the idle time-out: only when
	// less than this is left of it. By default every use renews it, in the
	// same command that reads the session. With a threshold, reading sends
	// nothing that writes until it is reached, and then one command more. The
	// price: a session may end so much earlier than IdleTimeout after its
	// last use as IdleTimeout exceeds RefreshBelow. For a session with a
	// time-out of its own the threshold is scaled to that.
	RefreshBelow time.Duration

	// Passive reports requests that must not extend the session, such as
	// polling by a script. [Manager.Peek] does it for one handler.
	Passive func(r *http.Request) bool

	// Cookie describes the cookie.
	Cookie Cookie

	// AllowCookie reports whether a response may carry the cookie, by its
	// header and status. The default is [Uncacheable]: a cookie on a response
	// that a shared cache may keep would hand one visitor's session to
	// others. On a response without the cookie no new session is made, and
	// none is renewed: [ErrNotDelivered].
	AllowCookie func(header http.Header, status int) bool

	// NoCookieOnError keeps the cookie of a new or renewed session off
	// responses with a 5xx status and off handlers that panic; the new
	// session is not stored then. By default it is sent.
	NoCookieOnError bool

	// OldSecrets still verify cookies and records, while everything new is
	// signed with the secret given to [New]. To change the secret without
	// ending sessions: deploy the new one here, then swap the two, then drop
	// the old one when [Options.Lifetime] has passed.
	OldSecrets []string

	// InsecureShortSecret permits secrets of less than 16 bytes, which can be
	// guessed by whoever holds one cookie. Safe when: in tests and demos.
	InsecureShortSecret bool

	// Signer replaces the signing of cookies.
	Signer Signer

	// Codec turns values into bytes: [CBOR] by default.
	Codec Codec

	// NewID makes ids: 256 random bits by default. An id has 1 to 200 ASCII
	// letters, digits and characters of "-_.:+/=". Safe when it cannot be
	// guessed: at least 128 bits from crypto/rand.
	NewID func() string

	// NoChangeDetection does not look for values that were altered in place;
	// set them, or call [Session.Changed].
	NoChangeDetection bool

	// FailUndecodable makes [Manager.Get] return an error for a stored record
	// that cannot be decoded, instead of a new session.
	FailUndecodable bool

	// StoreTimeout bounds every load, and every commit: 2 seconds by default.
	StoreTimeout time.Duration

	// Attempts bounds how often a commit is tried against the changes of
	// other processes: 200 by default. Of several processes that contend for
	// one session, one succeeds at each turn.
	Attempts int

	// OnInvalid hears why a request has no valid session, or that its session
	// was ended while it ran. The default logs it: at level Debug for a
	// missing cookie, Warn for what needs a look, Info for the rest.
	OnInvalid func(r *http.Request, err *InvalidError)

	// OnError hears what went wrong and what was not saved or not delivered:
	// loads that failed, and commits that failed, also when it is too late to
	// tell the visitor. Errors of [Session.Save] and its like are left to
	// their caller. The default logs at level Error.
	OnError func(r *http.Request, err error)

	// ErrorHandler answers a request whose session could not be loaded, for
	// [Manager.With], or whose changes could not be saved before the first
	// byte; the handler's own response is discarded then. The default answers
	// 503 for [ErrUnavailable], 409 for [ErrConflict], else 500.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)

	// Logger takes what the default hooks log: [slog.Default] if nil.
	Logger *slog.Logger
}

const (
	defaultIdleTimeout  = 20 * time.Minute
	defaultLifetime     = 24 * time.Hour
	defaultStoreTimeout = 2 * time.Second
	defaultAttempts     = 200
	minSecret           = 16
)

// withDefaults returns a copy of o in which the zero fields have their defaults.
func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	setDefault(&d.IdleTimeout, defaultIdleTimeout)
	setDefault(&d.Lifetime, defaultLifetime)
	setDefault(&d.StoreTimeout, defaultStoreTimeout)
	setDefault(&d.Attempts, defaultAttempts)
	d.Cookie = d.Cookie.withDefaults()
	if d.Codec == nil {
		d.Codec = CBOR
	}
	if d.AllowCookie == nil {
		d.AllowCookie = Uncacheable
	}
	if d.NewID == nil {
		d.NewID = randomToken
	}
	if d.ErrorHandler == nil {
		d.ErrorHandler = answerError
	}
	if d.OnInvalid == nil {
		d.OnInvalid = d.logInvalid
	}
	if d.OnError == nil {
		d.OnError = d.logError
	}
	return d
}

func setDefault[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// validate refuses what is wrong or contradictory in options that have their
// defaults.
func (o *Options) validate(secret string) error {
	for i, s := range append([]string{secret}, o.OldSecrets...) {
		name := "secret"
		if i > 0 {
			name = fmt.Sprintf("Options.OldSecrets[%d]", i-1)
		}
		if s == "" {
			return fmt.Errorf("sojourn: %s is empty; want 32 random bytes, for example from `openssl rand -hex 32`", name)
		}
		if len(s) < minSecret && !o.InsecureShortSecret {
			return fmt.Errorf("sojourn: %s has %d bytes; want at least %d, better 32 random ones, for example from `openssl rand -hex 32`", name, len(s), minSecret)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
		never bool
	}{
		{"IdleTimeout", o.IdleTimeout, true},
		{"Lifetime", o.Lifetime, true},
		{"RefreshBelow", o.RefreshBelow, false},
		{"StoreTimeout", o.StoreTimeout, false},
	} {
		if d.value == Never && d.never {
			continue
		}
		if d.value < 0 {
			return fmt.Errorf("sojourn: Options.%s is %v; want a positive duration", d.name, d.value)
		}
		if d.value != 0 && d.value < time.Millisecond {
			return fmt.Errorf("sojourn: Options.%s is %v; want at least 1ms", d.name, d.value)
		}
	}
	if o.RefreshBelow > 0 && (o.IdleTimeout == Never || o.RefreshBelow >= o.IdleTimeout) {
		return fmt.Errorf("sojourn: Options.RefreshBelow is %v; want less than IdleTimeout, which is %s", o.RefreshBelow, timeoutString(o.IdleTimeout))
	}
	if o.Attempts < 1 {
		return fmt.Errorf("sojourn: Options.Attempts is %d; want 1 or more", o.Attempts)
	}
	return o.Cookie.validate()
}

func timeoutString(d time.Duration) string {
	if d == Never {
		return "Never"
	}
	return d.String()
}
