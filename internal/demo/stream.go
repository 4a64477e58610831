package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sojourn-go/sojourn"
)

const maxEvents = 10_000

// stream leaves the saving to the first flush, as handlers usually do: the
// session is stored, and its cookie on the way, before the client sees a byte.
func (a *app) stream(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	n := 5
	if text := r.URL.Query().Get("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 || n > maxEvents {
			return badInput("n is %q; want an integer from 0 to %d", text, maxEvents)
		}
	}
	every, err := durationParam(r, "every", 100*time.Millisecond, time.Minute)
	if err != nil {
		return err
	}

	s.Set("streamed", true)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	response := http.NewResponseController(w)
	if response.Flush() != nil {
		return nil // not saved, and answered by answerError
	}
	for i := range n {
		if i > 0 && !a.pause(r.Context(), every) || a.stopping() {
			return nil
		}
		if _, err := fmt.Fprintf(w, "id: %d\ndata: event %d of %d\n\n", i+1, i+1, n); err != nil {
			return nil
		}
		if response.Flush() != nil {
			return nil // the client has gone
		}
	}
	return nil
}

func (a *app) stopping() bool {
	select {
	case <-a.opts.Stop:
		return true
	default:
		return false
	}
}

var lateKey = sojourn.Key[int64]("late")

// late changes the session when the answer is out already. That is saved when
// the handler returns; what fails then, only the log can tell.
func (a *app) late(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := io.WriteString(w, "This was sent before the session was changed.\n"); err != nil {
		return nil
	}
	_ = http.NewResponseController(w).Flush() // a client that has gone is no reason not to count
	if _, err := lateKey.Update(s, func(n int64) int64 { return n + 1 }); err != nil {
		a.log.ErrorContext(r.Context(), "late change not made", "error", err)
	}
	return nil
}

// health asks the store whether it is able to answer, and no session.
func (a *app) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := a.store.Ping(ctx); err != nil {
		a.log.WarnContext(ctx, "health check failed", "error", err)
		a.answerError(w, r, &failure{http.StatusServiceUnavailable, "the session store does not answer"})
		return
	}
	_ = answer(w, http.StatusOK, map[string]string{"store": "ok"})
}
