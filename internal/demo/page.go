package demo

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pageData is what the page shows. It works without scripts; they replace the
// same places by what the API answers.
type pageData struct {
	StoreName    string
	Host         string
	New          bool
	User         string
	Created      time.Time
	Timeout      time.Duration // 0: none
	Deadline     time.Time     // zero: none
	Lifetime     time.Duration // 0: none
	RefreshBelow time.Duration
	Values       []valueRow
	Flashes      []string
	Queue        *queueView
	Token        string
	Edit         valueRow // what the form is filled with
	Blank        valueRow // for rows that scripts add
	Commands     int64
	Recent       []request
}

// A queueView is a flash queue that the visitor asked for.
type queueView struct {
	Name     string
	Messages []string
}

type valueRow struct {
	Key, JSON     string
	Integer, List bool
}

func newRow(key string, v any) valueRow {
	_, integer := v.(int64)
	_, list := v.([]any)
	return valueRow{key, jsonText(v), integer, list}
}

func parsePages(all assets) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"asset":   all.url,
		"span":    spanText,
		"seconds": func(d time.Duration) float64 { return d.Seconds() },
		"plural":  plural,
	}).ParseFS(files, "templates/*.html"))
}

func (a *app) showPage(w http.ResponseWriter, r *http.Request) {
	s, err := a.sessions.Get(r)
	if err != nil {
		a.answerError(w, r, err)
		return
	}
	data := pageData{
		StoreName:    a.opts.StoreName,
		Host:         r.Host,
		New:          s.New(),
		Created:      s.Created(),
		Timeout:      max(s.Timeout(), 0),
		Deadline:     s.Deadline(),
		RefreshBelow: a.opts.Sessions.RefreshBelow,
		Recent:       a.recent.all(),
	}
	if !data.Deadline.IsZero() {
		data.Lifetime = data.Deadline.Sub(data.Created)
	}
	data.User, _ = userKey.Get(s)
	if hasToken(s) {
		data.Token = s.CSRFToken()
	}
	for key, v := range s.All() {
		if !hidden(key) {
			data.Values = append(data.Values, newRow(key, v))
		}
	}
	query := r.URL.Query()
	data.Edit.Key = query.Get("append")
	if i := slices.IndexFunc(data.Values, func(row valueRow) bool { return row.Key == query.Get("key") }); i >= 0 {
		data.Edit = data.Values[i]
	}
	if query.Has("queue") {
		data.Queue = &queueView{Name: query.Get("queue")}
		messages, _ := s.PeekFlash(data.Queue.Name) // what is no queue has no messages
		data.Queue.Messages = texts(messages)
	}
	popped, _ := s.PopFlash("")
	data.Flashes = texts(popped)

	// Saved now, so that the page can tell what it has cost.
	if err := a.save(r, s); err != nil {
		a.answerError(w, r, err)
		return
	}
	data.Commands = costOf(r.Context()).commands.Load()
	a.render(w, http.StatusOK, "page.html", data)
}

func (a *app) showError(w http.ResponseWriter, status int, message string) {
	a.render(w, status, "error.html", struct {
		Status        int
		Title, Detail string
	}{status, http.StatusText(status), message})
}

func (a *app) render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := a.pages.ExecuteTemplate(&page, name, data); err != nil {
		a.log.Error("page not rendered", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}

// texts returns messages for people: strings as they are, the rest as JSON.
func texts(messages []any) []string {
	var out []string
	for _, m := range messages {
		if text, ok := m.(string); ok {
			out = append(out, text)
		} else {
			out = append(out, jsonText(m))
		}
	}
	return out
}

// spanText is a duration for people, in its two largest units.
func spanText(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	total := int64(d.Round(time.Second) / time.Second)
	var parts []string
	for _, unit := range []struct {
		from, size int64
		name       string
	}{{2 * 86400, 86400, "d"}, {3600, 3600, "h"}, {60, 60, "min"}, {1, 1, "s"}} {
		if n := total / unit.size; total >= unit.from && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
			total %= unit.size
		} else if len(parts) > 0 {
			break
		}
	}
	return strings.Join(parts, " ")
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
