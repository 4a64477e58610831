package sojourn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"
)

// JSON keeps records readable in redis-cli, at the price that JSON has fewer
// types. Read without a type, integers come back as int64, other numbers, and
// integers that do not fit, as float64, but times and bytes as the strings that encoding/json makes of
// them; read through a [Key] of their type they come back whole. Strings that
// are not valid UTF-8 are refused.
var JSON EnvelopeCodec = jsonCodec{}

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error) {
	if s, ok := v.(string); ok && !utf8.ValidString(s) {
		return nil, errors.New("not valid UTF-8, which JSON requires; store bytes as []byte")
	}
	data, err := json.Marshal(v)
	if err == nil && jsonDepth(data) > maxValueDepth {
		err = fmt.Errorf("nested more than %d levels deep", maxValueDepth)
	}
	return data, err
}

// jsonDepth returns how deeply the arrays and objects in data are nested.
func jsonDepth(data []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '[' || c == '{'):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == ']' || c == '}'):
			depth--
		}
	}
	return deepest
}

func (jsonCodec) Unmarshal(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("bytes after the value")
	}
	goNumbers(reflect.ValueOf(v).Elem())
	return nil
}

// goNumbers replaces the json.Numbers in the untyped parts of v: by int64
// where they are integers that fit, else by float64.
func goNumbers(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			goNumbers(v.Elem())
		}
	case reflect.Interface:
		switch x := v.Interface().(type) {
		case json.Number:
			if i, err := x.Int64(); err == nil {
				v.Set(reflect.ValueOf(i))
			} else if f, err := x.Float64(); err == nil {
				v.Set(reflect.ValueOf(f))
			}
		case []any, map[string]any:
			goNumbers(reflect.ValueOf(x))
		}
	case reflect.Slice, reflect.Array:
		if holdsAny(v.Type().Elem()) {
			for i := range v.Len() {
				goNumbers(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				goNumbers(f)
			}
		}
	case reflect.Map:
		if holdsAny(v.Type().Elem()) {
			for it := v.MapRange(); it.Next(); {
				elem := reflect.New(v.Type().Elem()).Elem()
				elem.Set(it.Value())
				goNumbers(elem)
				v.SetMapIndex(it.Key(), elem)
			}
		}
	}
}

// holdsAny spares goNumbers the elements of plain types.
func holdsAny(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Array, reflect.Struct, reflect.Map:
		return true
	}
	return false
}

func (jsonCodec) MarshalEnvelope(e *Envelope) ([]byte, error) {
	for k := range e.Values {
		if !utf8.ValidString(k) {
			return nil, errors.New("a key is not valid UTF-8, which JSON requires")
		}
	}
	return json.Marshal(wrap[json.RawMessage](e))
}

func (jsonCodec) UnmarshalEnvelope(data []byte) (*Envelope, error) {
	var e envelope[json.RawMessage]
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return unwrap(&e), nil
}
