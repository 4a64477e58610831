package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// store puts a value by the form.
func (p *page) store(key, value string) {
	p.t.Helper()
	p.fill("#key", key)
	p.fill("#value", value)
	p.click("#set [data-do=set]")
	p.shows("#set-result", "Stored "+key)
}

func (p *page) cookie() *network.Cookie {
	p.t.Helper()
	result, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range result.Cookies {
		if c.Name == "session" {
			return c
		}
	}
	return nil
}

func TestVisitorWhoStoresNothingGetsNoSession(t *testing.T) {
	p := open(t)
	p.shows("#session-title", "You are new here")
	p.shows("#idle", "20 min after the last use")
	p.shows("#cost", "0 store commands")
	p.click("[data-do=health]")
	p.shows("#streaming-result", "The store says: ok")
	p.load("/")
	p.shows("#session-title", "You are new here")
	if p.cookie() != nil {
		t.Error("a visitor who stored nothing has a cookie")
	}
}

func TestValues(t *testing.T) {
	p := open(t)
	p.store("colour", "blue")
	p.value("colour", `"blue"`)
	p.shows("#cost", "1 store command")
	p.shows("#session-title", "You have a session")
	p.shows("#idle", "left")
	p.shows("#life", "23 h 59 min left")
	if c := p.cookie(); c == nil || !c.HTTPOnly || c.Secure {
		t.Errorf("the cookie is %+v; want one with HttpOnly and, on loopback, without Secure", c)
	}

	p.fill("#key", "colour")
	p.click("#set [data-do=get]")
	p.shows("#set-result", `colour is "blue"`)
	p.shows("#set-result", "1 store command")

	p.store("n", "41")
	p.click(row("n") + " [data-do=increment]")
	p.value("n", "42")
	p.fill("#key", "n")
	p.fill("#value", "-2")
	p.click("#set [data-do=increment]")
	p.value("n", "40")

	p.store("big", "123456789012345678901234567890")
	p.value("big", "123456789012345678901234567890")

	p.store("tags", `["a"]`)
	p.click(row("tags") + " [data-do=append-to]")
	p.fill("#value", "b")
	p.click("#set [data-do=append]")
	p.value("tags", `["a","b"]`)

	p.click(row("colour") + " [data-do=edit]")
	p.fill("#value", "<b>green</b>")
	p.click("#set [data-do=set]")
	p.value("colour", `"<b>green</b>"`)

	p.fill("#key", "colour")
	p.fill("#value", "1")
	p.click("#set [data-do=increment]")
	p.shows("#set-result.failed", "400: Colour is no integer")
	p.fill("#key", "_mine")
	p.click("#set [data-do=set]")
	p.shows("#set-result.failed", "reserved")

	p.load("/")
	p.value("colour", `"<b>green</b>"`)
	p.value("n", "40")
	p.value("tags", `["a","b"]`)
	p.value("big", "123456789012345678901234567890")

	p.click(row("tags") + " [data-do=delete]")
	p.noValue("tags")
	if at := js[string](p, `document.activeElement.id`); at != "values-title" {
		t.Errorf("after the focused row went, the focus is on %q; want the table's heading", at)
	}
	p.fill("#key", "colour")
	p.click("#set [data-do=delete]")
	p.noValue("colour")
	p.shows("#requests", "/api/values/colour")
}

func TestLoginRenewalAndLogout(t *testing.T) {
	p := open(t)
	p.click("[data-do=renew]")
	// A visitor without a session has no id to renew. The name, which the
	// login asks for, is not wanted.
	p.shows("#login-result", "no session to renew")

	p.store("colour", "blue")
	before := p.cookie().Value
	p.fill("#login [name=user]", "ada")
	p.click("[data-do=login]")
	p.shows("#user", "ada")
	p.value("colour", `"blue"`)
	atLogin := p.cookie().Value
	p.click("[data-do=renew]")
	p.shows("#login-result", "a new id")
	p.shows("#user", "ada")
	renewed := p.cookie().Value
	if before == atLogin || atLogin == renewed {
		t.Error("the cookie is the same after login or renewal; want a new id")
	}
	p.click("[data-do=logout]")
	p.shows("#session-title", "You are new here")
	p.shows("#user", "not logged in")
	p.noValue("colour")
	if p.cookie() != nil {
		t.Error("there is a cookie after logging out")
	}
}

func TestTimeout(t *testing.T) {
	p := open(t)
	p.fill("#timeout [name=seconds]", "60")
	p.click("[data-do=timeout]")
	p.shows("#timeout-result", "time-out of its own")
	p.shows("#idle", "s left")
	if max := js[float64](p, `document.getElementById('idle-bar').max`); max != 60 {
		t.Errorf("the bar of the idle time has the maximum %v; want 60", max)
	}
	p.load("/")
	p.shows("#idle", "s left")
}

func TestFlash(t *testing.T) {
	p := open(t)
	add := func(message, queue string) {
		t.Helper()
		p.fill("#flash-form [name=message]", message)
		p.fill("#flash-form [name=queue]", queue)
		p.click("[data-do=flash]")
		p.shows("#flash-form-result", "Added")
	}
	add("hello", "")
	add("news one", "news")
	add("news one", "news")
	p.click("#flash-form [name=allow_duplicate]")
	add("news one", "news")

	p.click("[data-do=peek]")
	p.shows("#flash-form-result", "news one news one")
	p.click("[data-do=pop]")
	p.shows("#flash-form-result", "news one news one")
	if n := js[int](p, `document.querySelectorAll('#flash-form-result li').length`); n != 2 {
		t.Errorf("the queue has %d messages; want 2: the third was no duplicate to be added", n)
	}
	p.shows("#flash-form-result", "2 store commands")
	p.click("[data-do=peek]")
	p.shows("#flash-form-result", "No messages")

	p.load("/")
	p.shows("#flashes", "hello")
	p.load("/")
	if got := p.text("#flashes"); got != "" {
		t.Errorf("the next page shows %q again", got)
	}
}

func TestCSRFToken(t *testing.T) {
	p := open(t)
	token := func() string { return js[string](p, `document.getElementById('token').value`) }
	p.click("[data-do=token]")
	p.shows("#csrf-form-result", "the session’s token")
	first := token()
	p.click("[data-do=protected]")
	p.shows("#csrf-form-result", "Accepted: the token is right")
	p.click("[data-do=wrong-token]")
	p.shows("#csrf-form-result.failed", "403")
	p.click("[data-do=new-token]")
	p.shows("#csrf-form-result", "a new token")
	if first == "" || token() == first {
		t.Errorf("the token was %q and is %q after making a new one", first, token())
	}
	p.click("[data-do=protected]")
	p.shows("#csrf-form-result", "Accepted")
	p.fill("#token", first)
	p.click("[data-do=protected]")
	p.shows("#csrf-form-result.failed", "403")
}

func TestStreamAndLateChange(t *testing.T) {
	p := open(t)
	p.click("[data-do=stream]")
	p.shows("#events", "event 1 of 8")
	p.shows("#events", "event 8 of 8")
	p.shows("#streaming-result", "8 events received")
	p.value("streamed", "true")
	p.click("[data-do=late]")
	p.value("late", "1")
	p.click("[data-do=late]")
	p.value("late", "2")
}

func TestRaces(t *testing.T) {
	p := open(t)
	p.click("[data-do=race]")
	p.shows("#races-result", "50 of 50 increments counted, with 50 different answers. None was lost.")
	p.value("race", "50")
	cells := js[[]string](p, `[...document.querySelectorAll('#cells .done')].map(c => c.textContent)`)
	seen := make(map[string]bool)
	for _, c := range cells {
		seen[c] = true
	}
	if len(cells) != 50 || len(seen) != 50 {
		t.Errorf("%d answers are shown, %d of them different; want 50", len(cells), len(seen))
	}
	p.screenshot("race")

	p.click("[data-do=race-keys]")
	p.shows("#races-result", "20 of 20 values were kept, and cleared away again. None was lost.")
	p.noValue("race-01")
	p.value("race", "50")
}

func TestEveryButtonIsUsedHere(t *testing.T) {
	p := open(t)
	used := "set get increment append delete edit append-to login logout renew timeout flash peek pop " +
		"token new-token protected wrong-token stream late health race race-keys"
	p.store("list", "[]")
	for _, name := range js[[]string](p, `[...document.querySelectorAll('button, a.button')].map(b => b.dataset.do ?? '')`) {
		if !strings.Contains(fmt.Sprintf(" %s ", used), fmt.Sprintf(" %s ", name)) {
			t.Errorf("no test clicks the button %q: write one", name)
		}
	}
}
