package sojourn

import (
	"errors"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// CBOR is the default codec: core deterministic encoding (RFC 8949, section
// 4.2.1). Read without a type, integers come back as int64 (a *big.Int where
// that is too small), times as [time.Time] with offset and nanoseconds, bytes
// as []byte, lists as []any, maps as map[string]any, or map[any]any if a key
// is no string.
var CBOR EnvelopeCodec = cborCodec{}

type cborCodec struct{}

var cborEncode = must(cbor.EncOptions{
	Sort:          cbor.SortCoreDeterministic,
	ShortestFloat: cbor.ShortestFloat16,
	NaNConvert:    cbor.NaNConvert7e00,
	InfConvert:    cbor.InfConvertFloat16,
	IndefLength:   cbor.IndefLengthForbidden,
	Time:          cbor.TimeRFC3339Nano,
	TimeTag:       cbor.EncTagRequired,
}.EncMode())

// A value may be nested less deeply than the envelope around it, and is checked
// when it is encoded: what cannot be decoded would cost the whole session.
const (
	maxEnvelopeDepth = 128
	maxValueDepth    = 100
)

var (
	cborDecode       = cborDecMode(reflect.TypeFor[map[string]any](), maxEnvelopeDepth)
	cborDecodeAnyKey = cborDecMode(nil, maxEnvelopeDepth)
	cborValue        = cborDecMode(nil, maxValueDepth)
)

func cborDecMode(defaultMap reflect.Type, depth int) cbor.DecMode {
	return must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		IntDec:           cbor.IntDecConvertSignedOrBigInt,
		BigIntDec:        cbor.BigIntDecodePointer,
		DefaultMapType:   defaultMap,
		MaxNestedLevels:  depth,
		MaxArrayElements: math.MaxInt32,
		MaxMapPairs:      math.MaxInt32,
		// A Go string may hold any bytes; it must not cost the session.
		UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (cborCodec) Marshal(v any) ([]byte, error) {
	data, err := cborEncode.Marshal(v)
	if err == nil && mutable(reflect.TypeOf(v)) { // the others are flat
		err = cborValue.Wellformed(data)
	}
	return data, err
}

func (cborCodec) Unmarshal(data []byte, v any) error {
	err := cborDecode.Unmarshal(data, v)
	var mismatch *cbor.UnmarshalTypeError
	if p, ok := v.(*any); ok && errors.As(err, &mismatch) {
		*p = nil
		return cborDecodeAnyKey.Unmarshal(data, v)
	}
	return err
}

func (cborCodec) MarshalEnvelope(e *Envelope) ([]byte, error) {
	return cborEncode.Marshal(wrap[cbor.RawMessage](e))
}

func (cborCodec) UnmarshalEnvelope(data []byte) (*Envelope, error) {
	var e envelope[cbor.RawMessage]
	if err := cborDecode.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return unwrap(&e), nil
}
