package sojourn_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// A client may send anything as its cookie: no panic, no session, and nothing
// is asked of the store.
func FuzzCookie(f *testing.F) {
	site := newSite(f, &sojourn.Options{
		NewID:     func() string { return "the-same-in-every-process" },
		OnInvalid: func(*http.Request, *sojourn.InvalidError) {},
	})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	good := v.cookie()
	for _, seed := range []string{"", good, good + "~a", good[1:], strings.Repeat("A", 43), strings.Repeat("A", 5000), "\x00", "a=b; __Host-session=" + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{"__Host-session=" + value}
		w := httptest.NewRecorder()
		known := strings.Contains(value, good)
		site.store.count()
		site.Handler(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			if !s.New() && !known {
				t.Errorf("cookie %q leads to a session", value)
			}
		})).ServeHTTP(w, r)
		if got := site.store.count(); len(got) != 0 && !known {
			t.Errorf("cookie %q was taken to the store: %v", value, got)
		}
		if w.Code != http.StatusOK || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("cookie %q: answer %d %v", value, w.Code, w.Header())
		}
	})
}

// A store may return anything: no panic, and what decodes encodes to what
// decodes to the same.
func FuzzEnvelope(f *testing.F) {
	for _, codec := range []sojourn.EnvelopeCodec{sojourn.CBOR, sojourn.JSON} {
		data, err := codec.MarshalEnvelope(&sojourn.Envelope{
			Values: map[string][]byte{"a": marshal(f, codec, 1), "m": marshal(f, codec, map[string]any{"x": []any{1, "y"}})}, Created: 1, Version: 1, Timeout: -1,
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-1])
		f.Add(append(bytes.Clone(data), 0))
	}
	f.Add([]byte{0xbf, 0xff})
	f.Add(bytes.Repeat([]byte{0x81}, 10000))
	f.Add([]byte{0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(bytes.Repeat([]byte("["), 10000))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, codec := range []sojourn.EnvelopeCodec{sojourn.CBOR, sojourn.JSON} {
			e, err := codec.UnmarshalEnvelope(data)
			if err != nil {
				continue
			}
			again, err := codec.MarshalEnvelope(e)
			if err != nil {
				continue // what decodes leniently, such as a null among the values
			}
			e2, err := codec.UnmarshalEnvelope(again)
			if err != nil {
				t.Fatalf("%x decodes, and encodes to %x, which does not: %v", data, again, err)
			}
			third, err := codec.MarshalEnvelope(e2)
			if err != nil || !bytes.Equal(again, third) {
				t.Errorf("%x does not encode stably: %x, then %x (%v)", data, again, third, err)
			}
			for _, raw := range e.Values {
				var v any
				_ = codec.Unmarshal(raw, &v)
				var s struct{ A []map[string]int }
				_ = codec.Unmarshal(raw, &s)
			}
		}
	})
}

func marshal(t testing.TB, codec sojourn.Codec, v any) []byte {
	t.Helper()
	data, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
