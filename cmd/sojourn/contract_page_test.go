package main_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var staticRef = regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`)

func TestContractPage(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		fresh := d.visitor()
		a := fresh.must(t, 200, "GET", "/", "")
		if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "text/html") {
			t.Errorf("the page is HTML: %q", ct)
		}
		if a.header.Get("Content-Security-Policy") == "" {
			t.Error("the page has a Content-Security-Policy")
		}
		a.wantNoCookie(t, "looking at the page makes no cookie")
		b.wantKeys(t, 0, "looking at the page makes no key")

		refs := staticRef.FindAllStringSubmatch(a.body, -1)
		if len(refs) == 0 {
			t.Error("the page has its style and script under /static/")
		}
		types := []string{}
		for _, ref := range refs {
			s := fresh.must(t, 200, "GET", ref[1], "")
			s.wantNoCookie(t, "/static never touches the session")
			ct, _, _ := strings.Cut(s.header.Get("Content-Type"), ";")
			types = append(types, ct)
		}
		if !slices.Contains(types, "text/css") || !slices.Contains(types, "text/javascript") {
			t.Errorf("/static has style and script: %q", types)
		}

		v := d.visitor()
		v.put(t, "greeting", `"<script>alert(1)</script> täglich"`)
		v.put(t, "count", `4711`)
		v.must(t, 204, "POST", "/api/login", `{"user":"ada <i>"}`)
		page := v.must(t, 200, "GET", "/", "")
		if strings.Contains(page.body, "<script>alert(1)") || strings.Contains(page.body, "ada <i>") {
			t.Error("the page escapes what visitors store")
		}
		for _, want := range []string{"greeting", "täglich", "4711", "ada"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("the page shows the session and its values: no %q", want)
			}
		}
		a = fresh.must(t, 200, "GET", "/", "")
		if strings.Contains(a.body, "4711") {
			t.Error("nobody sees another visitor's values on the page")
		}
		if cc := page.header.Get("Cache-Control"); !strings.Contains(cc, "no-store") && !strings.Contains(cc, "private") {
			t.Errorf("a page with a visitor's values is kept out of shared caches: Cache-Control %q", cc)
		}
	})
}
