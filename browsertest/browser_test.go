package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const patience = 15 * time.Second

// A page is a tab with cookies of its own: one visitor.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // what the browser complained of
}

// A step is an action of the browser without a result.
type step = chromedp.Action[chromedp.Void]

// command is a step that sends one command of the DevTools protocol.
func command[P, R any](c cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// open is a new visitor's first look at the page. What the browser complains
// of until the test's end fails the test: errors on the console, violations of
// the Content-Security-Policy, resources that are missing.
func open(t *testing.T, before ...step) *page {
	t.Helper()
	if browser == nil {
		t.Fatal("no chromium, chromium-browser or google-chrome on the PATH: run `make setup`")
	}
	tab, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	ctx, cancel := context.WithTimeout(tab, 40*time.Second)
	p := &page{t: t, ctx: ctx}
	// The first use of a tab binds its life to the context: not one that ends.
	if err := chromedp.Listen(tab, p.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.screenshot(strings.ReplaceAll(t.Name(), "/", "-"))
		cancel()
		closeTab()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			t.Errorf("the browser complains: %s", problem)
		}
	})
	p.do(append([]step{command(log.Enable, cdp.Empty{})}, before...)...)
	p.load("/")
	return p
}

func (p *page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		p.problems = append(p.problems, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			p.problems = append(p.problems, fmt.Sprintf("console.%s was called", e.Type))
		}
	case *log.EventEntryAdded:
		// The browser notes every 4xx; for a call of the API it is an answer.
		if refused := e.Entry.Source == "network" && strings.HasPrefix(e.Entry.URL, address+"/api/"); !refused {
			p.problems = append(p.problems, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

func (p *page) do(steps ...step) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// load opens an address, or the page again.
func (p *page) load(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address+path), chromedp.WaitReady(chromedp.CSS("footer")))
}

// click presses a button or follows a link, as the mouse does.
func (p *page) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// follow clicks on what loads a page.
func (p *page) follow(selector string) {
	p.t.Helper()
	if _, err := chromedp.RunResponse(p.ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)); err != nil {
		p.t.Fatalf("clicking %s: %v", selector, err)
	}
}

// fill types text into a field in place of what is there.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	js[string](p, fmt.Sprintf(`document.querySelector(%q).value = ''`, selector))
	if text != "" {
		p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
	}
}

// js returns what an expression evaluates to.
func js[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (p *page) text(selector string) string {
	p.t.Helper()
	return js[string](p, fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? '').replace(/\s+/g, ' ').trim()`, selector))
}

// shows waits until the text of an element contains want.
func (p *page) shows(selector, want string) {
	p.t.Helper()
	p.until(func() bool { return strings.Contains(p.text(selector), want) }, func() string {
		return fmt.Sprintf("%s shows %q; want %q in it", selector, p.text(selector), want)
	})
}

// until waits for a condition.
func (p *page) until(ok func() bool, otherwise func() string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			p.t.Fatal(otherwise())
		}
		select {
		case <-p.ctx.Done():
			p.t.Fatal(p.ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// value waits until the table of values shows want under key.
func (p *page) value(key, want string) {
	p.t.Helper()
	p.shows(row(key)+" .json", want)
}

// noValue waits until the table shows nothing under key.
func (p *page) noValue(key string) {
	p.t.Helper()
	p.until(func() bool { return !js[bool](p, fmt.Sprintf(`!!document.querySelector(%q)`, row(key))) },
		func() string { return "the table still shows " + key })
}

func row(key string) string { return fmt.Sprintf(`#rows tr[data-key="%s"]`, key) }

// screenshot writes what is seen to $SCREENSHOTS, for people to look at.
func (p *page) screenshot(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Log(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Log(err)
	}
}
