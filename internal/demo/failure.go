package demo

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/sojourn-go/sojourn"
)

// A failure is an error with the answer that it gets.
type failure struct {
	status  int
	message string
}

func (f *failure) Error() string { return f.message }

func badInput(format string, args ...any) error {
	return &failure{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// explain returns the status and the text for the visitor. The text of an
// error that is not known to be harmless stays inside.
func explain(err error) (int, string) {
	var (
		known  *failure
		value  *sojourn.ValueError
		tooBig *http.MaxBytesError
	)
	switch {
	case errors.As(err, &known):
		return known.status, known.message
	case errors.As(err, &tooBig):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", tooBig.Limit)
	case errors.Is(err, sojourn.ErrOutcomeUnknown): // before ErrUnavailable, which it wraps too
		return http.StatusServiceUnavailable, "the session store did not confirm the change: it may or may not have been saved"
	case errors.Is(err, sojourn.ErrUnavailable):
		return http.StatusServiceUnavailable, "the session store does not answer; your session is as it was"
	case errors.Is(err, sojourn.ErrConflict):
		return http.StatusConflict, "too many other requests changed the session at the same time; nothing was saved"
	case errors.Is(err, sojourn.ErrEnded):
		return http.StatusConflict, "the session was ended by another request meanwhile; nothing was saved"
	case errors.Is(err, sojourn.ErrNotDelivered):
		return http.StatusInternalServerError, "the cookie of the new session could not be sent; nothing was saved"
	case errors.As(err, &value):
		return http.StatusBadRequest, "a stored value has another type than this call needs, or cannot be stored"
	default:
		return http.StatusInternalServerError, "something went wrong"
	}
}

func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	status, _ := explain(err)
	return status
}

// answerError answers with err: JSON for programs, a page for people. It is
// the manager's ErrorHandler too.
func (a *app) answerError(w http.ResponseWriter, r *http.Request, err error) {
	status, message := explain(err)
	if isAPI(r) {
		_ = answer(w, status, map[string]string{"error": message})
		return
	}
	a.showError(w, status, message)
}
