// Package demo is the web application of "sojourn demo": a page for people and
// JSON calls for programs, both on the same session. It uses nothing of the
// library but its public API.
package demo

import (
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// Options are the choices of the application.
type Options struct {
	// Sessions are those of the manager. ErrorHandler is the application's
	// own, and Logger is the one below.
	Sessions sojourn.Options

	// StoreName tells the page's reader where sessions are kept.
	StoreName string

	// Stop, when it is closed, ends streams and waiting calls, so that the
	// server can shut down.
	Stop <-chan struct{}

	// Logger is [slog.Default] if nil.
	Logger *slog.Logger
}

type app struct {
	sessions *sojourn.Manager
	store    *countingStore
	opts     Options
	log      *slog.Logger
	recent   recentRequests
	pages    *template.Template
	assets   assets

	// bigInts: the codec gives back integers of any size as they were.
	bigInts bool
}

// New returns the application as one handler, sessions included.
func New(store sojourn.Store, secret string, opts Options) (http.Handler, error) {
	a := &app{store: &countingStore{store}, opts: opts, log: opts.Logger, assets: loadAssets()}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.pages = parsePages(a.assets)
	a.bigInts = opts.Sessions.Codec != sojourn.Codec(sojourn.JSON)

	o := opts.Sessions
	o.Logger = a.log
	o.ErrorHandler = a.answerError
	var err error
	if a.sessions, err = sojourn.New(a.store, secret, &o); err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	a.routes(mux)
	// Requests that another site makes a browser send are refused by what
	// browsers say about themselves; curl says nothing and passes. The
	// session's token does the same for one call, to show how.
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.answerError(w, r, &failure{status: http.StatusForbidden, message: "another site sent this request"})
	}))
	return a.measure(secureHeaders(a.sessions.Handler(guard.Handler(a.dispatch(mux))))), nil
}

func (a *app) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", a.showPage)
	mux.HandleFunc("GET /static/{name}", a.serveAsset)
	mux.HandleFunc("GET /healthz", a.health)

	for pattern, fn := range map[string]call{
		"GET /api/session":                 a.getSession,
		"GET /api/values/{key}":            a.getValue,
		"PUT /api/values/{key}":            a.putValue,
		"DELETE /api/values/{key}":         a.deleteValue,
		"POST /api/values/{key}/increment": a.incrementValue,
		"POST /api/values/{key}/append":    a.appendValue,
		"POST /api/flash":                  a.addFlash,
		"GET /api/flash":                   a.peekFlash,
		"DELETE /api/flash":                a.popFlash,
		"GET /api/csrf":                    a.getToken,
		"POST /api/csrf":                   a.newToken,
		"POST /api/protected":              a.protected,
		"POST /api/login":                  a.login,
		"POST /api/logout":                 a.logout,
		"POST /api/renew":                  a.renew,
		"PUT /api/timeout":                 a.putTimeout,
		"GET /api/stream":                  a.stream,
		"GET /api/late":                    a.late,
	} {
		mux.Handle(pattern, a.api(fn))
	}

	for path, fn := range a.forms() {
		mux.Handle("POST /do/"+path, a.form(fn))
	}
}

// dispatch is mux with the application's own answers for what it has no route
// for.
func (a *app) dispatch(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			defer func() { costOf(r.Context()).route = r.Pattern }()
			mux.ServeHTTP(w, r)
			return
		}
		var verdict verdict
		h.ServeHTTP(&verdict, r)
		if allow := verdict.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			a.answerError(w, r, &failure{http.StatusMethodNotAllowed, "this address takes " + allow})
			return
		}
		a.answerError(w, r, &failure{http.StatusNotFound, "there is nothing at this address"})
	})
}

// A verdict takes the mux's own answer, of which only the header is wanted.
type verdict struct{ header http.Header }

func (v *verdict) Header() http.Header {
	if v.header == nil {
		v.header = make(http.Header)
	}
	return v.header
}
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
func (v *verdict) WriteHeader(int)             {}

func secureHeaders(next http.Handler) http.Handler {
	policy := strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'",
		"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: browsers would send "Origin: null" with forms.
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/healthz"
}
