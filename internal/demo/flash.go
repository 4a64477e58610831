package demo

import (
	"net/http"

	"github.com/sojourn-go/sojourn"
)

func (a *app) addFlash(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	var in struct {
		Message        *string `json:"message"`
		Queue          string  `json:"queue"`
		AllowDuplicate *bool   `json:"allow_duplicate"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	if in.Message == nil {
		return badInput(`want {"message":"…"}, and if you like "queue" and "allow_duplicate"`)
	}
	if err := flash(s, in.Queue, *in.Message, in.AllowDuplicate == nil || *in.AllowDuplicate); err != nil {
		return err
	}
	return a.saved(w, r, s)
}

func flash(s *sojourn.Session, queue, message string, duplicate bool) error {
	if duplicate {
		return s.Flash(queue, message)
	}
	return s.FlashOnce(queue, message)
}

func (a *app) peekFlash(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	messages, err := s.PeekFlash(r.URL.Query().Get("queue"))
	if err != nil {
		return err
	}
	return answerMessages(w, messages)
}

func (a *app) popFlash(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	messages, err := s.PopFlash(r.URL.Query().Get("queue"))
	if err != nil {
		return err
	}
	// Saved before they are shown, so that nobody is shown them twice.
	if err := a.save(r, s); err != nil {
		return err
	}
	return answerMessages(w, messages)
}

func answerMessages(w http.ResponseWriter, messages []any) error {
	return answer(w, http.StatusOK, map[string]any{"messages": jsonable(append([]any{}, messages...))})
}
