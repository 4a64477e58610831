package sojourn_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// browse sends requests to a handler as one browser would.
func browse(handler http.Handler, requests ...string) {
	server := httptest.NewTLSServer(handler)
	defer server.Close()
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	for _, path := range requests {
		res, err := client.Get(server.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Printf("%s: %s\n", path, body)
	}
}

// exampleSecret stands for 32 random bytes from a safe place.
const exampleSecret = "8f0c6b2e7d9a41c3b5e6f70812a3c4d5"

func Example() {
	store, err := memstore.New(nil) // or redisstore.Dial("redis://localhost:6379/0")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	sessions, err := sojourn.New(store, exampleSecret, nil)
	if err != nil {
		log.Fatal(err)
	}

	views := sojourn.Key[int]("views")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Get(r) // the one place where the store can fail
		if err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		n, err := views.Update(s, func(n int) int { return n + 1 })
		if err != nil {
			http.Error(w, "views is no number", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, n)
	})
	browse(sessions.Handler(mux), "/", "/", "/")
	// Output:
	// /: 1
	// /: 2
	// /: 3
}

// newExample returns a manager for the shorter examples.
func newExample(opts *sojourn.Options) *sojourn.Manager {
	store, err := memstore.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := sojourn.New(store, exampleSecret, opts)
	if err != nil {
		log.Fatal(err)
	}
	return sessions
}

func ExampleManager_With() {
	sessions := newExample(nil)
	hello := sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		name, _ := s.SetDefault("name", "stranger")
		fmt.Fprint(w, "hello ", name)
	})
	browse(sessions.Handler(hello), "/")
	// Output: /: hello stranger
}

// Logging in: a new id, so that one that was planted before is worth nothing.
func ExampleSession_Renew() {
	sessions := newExample(nil)
	user := sojourn.Key[string]("user")
	mux := http.NewServeMux()
	mux.Handle("/login", sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if err := s.Renew(); err != nil {
			http.Error(w, "the response has begun", http.StatusInternalServerError)
			return
		}
		s.NewCSRFToken()
		user.Set(s, "ada")
		fmt.Fprint(w, "welcome")
	}))
	mux.Handle("/logout", sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Invalidate()
		fmt.Fprint(w, "bye")
	}))
	mux.Handle("/", sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		name, err := user.Get(s)
		fmt.Fprintf(w, "%q %v", name, err)
	}))
	browse(sessions.Handler(mux), "/login", "/", "/logout", "/")
	// Output:
	// /login: welcome
	// /: "ada" <nil>
	// /logout: bye
	// /: "" <nil>
}

// Update is exact: what must be known for certain is saved first, read then.
func ExampleKey_Update() {
	sessions := newExample(nil)
	stock := sojourn.Key[int]("tickets")
	buy := sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if _, err := stock.Update(s, func(n int) int { return n + 1 }); err != nil {
			http.Error(w, "not a number", http.StatusInternalServerError)
			return
		}
		switch err := s.Save(r.Context()); {
		case errors.Is(err, sojourn.ErrEnded):
			http.Error(w, "you were logged out", http.StatusConflict)
			return
		case err != nil:
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		n, _ := stock.Get(s)
		fmt.Fprintf(w, "ticket number %d is yours", n)
	})
	browse(sessions.Handler(buy), "/", "/")
	// Output:
	// /: ticket number 1 is yours
	// /: ticket number 2 is yours
}

func ExampleSession_Flash() {
	sessions := newExample(nil)
	mux := http.NewServeMux()
	mux.Handle("/save", sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if err := s.Flash("", "Saved."); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("/", sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		messages, err := s.PopFlash("")
		fmt.Fprint(w, messages, err)
	}))
	browse(sessions.Handler(mux), "/save", "/")
	// Output:
	// /save: [Saved.] <nil>
	// /: [] <nil>
}

// Changes inside a value are found when the session is saved.
func ExampleKey_inPlace() {
	sessions := newExample(nil)
	cart := sojourn.Key[*[]string]("cart") // a pointer, to append in place
	add := sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		items, err := cart.SetDefault(s, new([]string))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		*items = append(*items, r.URL.Path)
		fmt.Fprint(w, len(*items))
	})
	browse(sessions.Handler(add), "/pear", "/plum")
	// Output:
	// /pear: 1
	// /plum: 2
}

func ExampleOptions() {
	sessions := newExample(&sojourn.Options{
		IdleTimeout:  30 * time.Minute,
		Lifetime:     12 * time.Hour,
		RefreshBelow: 25 * time.Minute, // write to Redis every five minutes at most
		OldSecrets:   []string{"the secret before this one"},
		Passive:      func(r *http.Request) bool { return r.URL.Path == "/poll" },
		Cookie:       sojourn.Cookie{SameSite: http.SameSiteStrictMode},
		OnError:      func(r *http.Request, err error) { log.Print(r.URL.Path, ": ", err) },
	})
	page := sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Timeout())
	})
	browse(sessions.Handler(page), "/")
	// Output: /: 30m0s
}
