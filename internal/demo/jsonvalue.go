package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"strings"
)

const (
	maxBody   = 1 << 20
	maxDigits = 1000 // of one integer
	maxDepth  = 100  // of lists in lists; what codecs can read again has limits
)

var errTooDeep = badInput("the value is nested more than %d levels deep", maxDepth)

// readBody decodes the JSON of the body into v.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return err
	case err != nil:
		return badInput("the body ended early")
	}
	return decode(body, v)
}

// readValue returns the body as a value for the session.
func (a *app) readValue(w http.ResponseWriter, r *http.Request) (any, error) {
	var v any
	if err := readBody(w, r, &v); err != nil {
		return nil, err
	}
	return a.goValue(v)
}

// decode decodes exactly one JSON value.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(v); err == io.EOF {
		return badInput("the body is empty; want JSON")
	} else if err != nil {
		return badInput("the body is not the JSON that is wanted: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return badInput("there is something after the JSON value")
	}
	return nil
}

// goValue replaces numbers: integers stay integers, of any size where the
// codec keeps them; others become a float64.
func (a *app) goValue(v any) (any, error) { return a.goValueAt(1, v) }

func (a *app) goValueAt(depth int, v any) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		return a.goNumber(string(v))
	case []any:
		if depth > maxDepth {
			return nil, errTooDeep
		}
		for i := range v {
			if v[i], err = a.goValueAt(depth+1, v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if depth > maxDepth {
			return nil, errTooDeep
		}
		for k := range v {
			if v[k], err = a.goValueAt(depth+1, v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func (a *app) goNumber(text string) (any, error) {
	if i, err := json.Number(text).Int64(); err == nil {
		return i, nil
	}
	if !strings.ContainsAny(text, ".eE") && a.bigInts {
		if len(text) > maxDigits {
			return nil, badInput("a number has more than %d digits", maxDigits)
		}
		if i, ok := new(big.Int).SetString(text, 10); ok {
			return i, nil
		}
	}
	f, err := json.Number(text).Float64()
	if err != nil {
		return nil, badInput("a number is too large")
	}
	const exact = 1 << 53
	if f == math.Trunc(f) && math.Abs(f) <= exact {
		return int64(f), nil // 1.0 and 1e3 are integers in JSON
	}
	return f, nil
}

// jsonable returns v in a form that encoding/json takes, for values that
// another program has put into the session.
func jsonable(v any) any {
	switch v := v.(type) {
	case error:
		return "(this value cannot be decoded)"
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = jsonable(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = jsonable(v[k])
		}
		return m
	case map[any]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[fmt.Sprint(k)] = jsonable(v[k])
		}
		return m
	}
	return v
}

// jsonText returns v as JSON for people: "<" stays "<", which html/template
// takes care of.
func jsonText(v any) string {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(jsonable(v)); err != nil {
		return "null"
	}
	return strings.TrimSpace(text.String())
}
