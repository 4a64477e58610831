package sojourn

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
)

// The default hooks. They log facts about the request, never an id or a
// cookie, and not its query, where applications put tokens.

func (o *Options) log(r *http.Request, level slog.Level, msg string, err error) {
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	ctx := context.WithoutCancel(r.Context())
	logger.LogAttrs(ctx, level, msg,
		slog.String("error", err.Error()), slog.String("method", r.Method), slog.String("path", r.URL.Path))
}

func (o *Options) logInvalid(r *http.Request, err *InvalidError) {
	level := slog.LevelInfo
	switch err.Reason {
	case ErrNoCookie:
		level = slog.LevelDebug
	case ErrBadSignature, ErrUndecodable, ErrOldFormat:
		level = slog.LevelWarn
	}
	o.log(r, level, "no valid session", err)
}

func (o *Options) logError(r *http.Request, err error) {
	o.log(r, slog.LevelError, "session failure", err)
}

// answerError is the default ErrorHandler. It tells the visitor nothing but
// the status.
func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrUnavailable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, ErrConflict):
		status = http.StatusConflict
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}
