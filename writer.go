package sojourn

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// writer commits before the first byte of the response, however that comes
// about. All that the server's own writer can do works through it:
// [http.ResponseController] by Unwrap, the rest by forwarding.
type writer struct {
	http.ResponseWriter
	visit  *visit
	began  atomic.Bool // read by goroutines that load late
	failed error       // the commit's; the response is the error handler's then
}

func (w *writer) begin(status int) error {
	if !w.began.Swap(true) {
		if err := w.visit.begin(status, true); err != nil {
			w.fail(err)
		}
	}
	return w.failed
}

// fail answers with the error in the place of the handler.
func (w *writer) fail(err error) {
	w.failed = err
	for _, name := range bodyHeaders {
		w.Header().Del(name)
	}
	w.visit.m.opts.ErrorHandler(w.ResponseWriter, w.visit.r, err)
}

// bodyHeaders describe the response that was discarded.
var bodyHeaders = []string{
	"Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
	"Content-Location", "Content-Range", "Content-Type", "Etag", "Expires", "Last-Modified", "Location", "Refresh",
	"Trailer", "Transfer-Encoding",
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	// 1xx responses come before the one that counts, except for 101.
	informational := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if informational && w.failed == nil || !informational && w.begin(status) == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *writer) Write(b []byte) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

func (w *writer) WriteString(s string) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets io.Copy use the server's sendfile.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, src)
}

func (w *writer) Flush() { _ = w.FlushError() }

func (w *writer) FlushError() error {
	if err := w.begin(http.StatusOK); err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack commits what there is. The response that the handler writes by itself
// is out of reach, so a new session cannot be delivered: save first, and pass
// the Set-Cookie of w.Header() on.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !w.began.Swap(true) {
		if err := w.visit.begin(http.StatusSwitchingProtocols, false); err != nil {
			w.fail(err)
		}
	}
	if w.failed != nil {
		return nil, nil, w.failed
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func (w *writer) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}
