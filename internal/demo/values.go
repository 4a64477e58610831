package demo

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
)

// hidden reports whether a key holds something that the visitor did not put
// there: the library's flash queues and CSRF token, and the demo's own.
func hidden(key string) bool {
	return strings.HasPrefix(key, "_f_") || key == "_csrft_" || strings.HasPrefix(key, "_demo_")
}

// checkKey refuses keys that a visitor may not write to.
func checkKey(key string) error {
	switch {
	case key == "":
		return badInput("the key is empty")
	case strings.HasPrefix(key, "_"):
		return badInput(`keys that begin with "_" are reserved for the library and this demo`)
	case !utf8.ValidString(key):
		return badInput("the key is not valid UTF-8")
	}
	return nil
}

func visibleValues(s *sojourn.Session) map[string]any {
	values := make(map[string]any)
	for key, v := range s.All() {
		if !hidden(key) {
			values[key] = jsonable(v)
		}
	}
	return values
}

func (a *app) getValue(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	key := r.PathValue("key")
	if hidden(key) || !s.Has(key) {
		return &failure{http.StatusNotFound, "the session has no such value"}
	}
	v, err := s.Get(key)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, jsonable(v))
}

func (a *app) putValue(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	key := r.PathValue("key")
	if err := checkKey(key); err != nil {
		return err
	}
	v, err := a.readValue(w, r)
	if err != nil {
		return err
	}
	s.Set(key, v)
	return a.saved(w, r, s)
}

func (a *app) deleteValue(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	key := r.PathValue("key")
	if err := checkKey(key); err != nil {
		return err
	}
	s.Delete(key)
	return a.saved(w, r, s)
}

func (a *app) incrementValue(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	by, err := parseStep(r.URL.Query().Get("by"))
	if err != nil {
		return err
	}
	n, err := a.increment(r, s, r.PathValue("key"), by)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]int64{"value": n})
}

func parseStep(text string) (int64, error) {
	if text == "" {
		return 1, nil
	}
	by, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badInput("by is %q; want an integer of 64 bits", text)
	}
	return by, nil
}

// increment adds to an integer, exactly, however many do it at once, and
// returns the value that was saved.
func (a *app) increment(r *http.Request, s *sojourn.Session, name string, by int64) (int64, error) {
	if err := checkKey(name); err != nil {
		return 0, err
	}
	noInteger := badInput("%s is no integer of 64 bits", name)
	if v, err := s.Get(name); err == nil && v == nil && s.Has(name) {
		return 0, noInteger // a stored null, which would read as 0
	}

	key := sojourn.Key[int64](name)
	overflow := false // in the last run, which is the one that counts
	_, err := key.Update(s, func(n int64) int64 {
		if overflow = by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by; overflow {
			return n
		}
		return n + by
	})
	if err == nil {
		err = a.save(r, s)
	}
	var mismatch *sojourn.ValueError
	switch {
	case errors.As(err, &mismatch):
		return 0, noInteger
	case err != nil:
		return 0, err
	case overflow:
		return 0, badInput("%s would not fit 64 bits any more; it is as it was", name)
	}
	return key.Get(s)
}

func (a *app) appendValue(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	v, err := a.readValue(w, r)
	if err != nil {
		return err
	}
	list, err := a.append(r, s, r.PathValue("key"), v)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"value": jsonable(list)})
}

// append alters the list in place and does not set it: the session finds the
// change by itself.
func (a *app) append(r *http.Request, s *sojourn.Session, name string, v any) ([]any, error) {
	if err := checkKey(name); err != nil {
		return nil, err
	}
	key := sojourn.Key[*[]any](name)
	list, err := key.SetDefault(s, &[]any{})
	if err != nil || list == nil {
		return nil, badInput("%s is no list", name)
	}
	*list = append(*list, v)
	if err := a.save(r, s); err != nil {
		return nil, err
	}
	// Another request may have changed it before it was saved.
	if list, err = key.Get(s); err != nil || list == nil {
		return nil, err
	}
	return *list, nil
}
