package sojourn

// A Codec turns one value into bytes and back. It must be deterministic: equal
// values give equal bytes, because a change inside a value is found by
// encoding it again. It must be safe for concurrent use.
//
// The values of a session are encoded one by one and kept together in an
// [Envelope]. A codec that is no [EnvelopeCodec] gets a CBOR envelope.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// An EnvelopeCodec is a [Codec] that lays out the whole record as well.
type EnvelopeCodec interface {
	Codec
	MarshalEnvelope(e *Envelope) ([]byte, error)
	UnmarshalEnvelope(data []byte) (*Envelope, error)
}

// An Envelope is the layout of a stored session. Its letters are those of
// pyramid_session_redis; its times are in milliseconds.
type Envelope struct {
	Values        map[string][]byte // m: each encoded by the codec
	Created       int64             // c: Unix time
	Version       int               // v: of this format
	Timeout       int64             // t: own idle time-out, -1 for none; 0: the manager's
	Deadline      int64             // x: own end of life, Unix time; 0: the manager's
	CookieMaxAge  int64             // a: own Max-Age; 0: the manager's
	CookieExpires int64             // e: own Expires, Unix time; 0: the manager's
}

// formatVersion is the v of records written now. It rises when an older
// reader would misunderstand a record.
const formatVersion = 1

type envelope[Raw ~[]byte] struct {
	Values        map[string]Raw `cbor:"m" json:"m"`
	Created       int64          `cbor:"c" json:"c"`
	Version       int            `cbor:"v" json:"v"`
	Timeout       int64          `cbor:"t,omitempty" json:"t,omitempty"`
	Deadline      int64          `cbor:"x,omitempty" json:"x,omitempty"`
	CookieMaxAge  int64          `cbor:"a,omitempty" json:"a,omitempty"`
	CookieExpires int64          `cbor:"e,omitempty" json:"e,omitempty"`
}

func wrap[Raw ~[]byte](e *Envelope) *envelope[Raw] {
	values := make(map[string]Raw, len(e.Values))
	for k, v := range e.Values {
		values[k] = Raw(v)
	}
	return &envelope[Raw]{values, e.Created, e.Version, e.Timeout, e.Deadline, e.CookieMaxAge, e.CookieExpires}
}

func unwrap[Raw ~[]byte](e *envelope[Raw]) *Envelope {
	values := make(map[string][]byte, len(e.Values))
	for k, v := range e.Values {
		values[k] = v
	}
	return &Envelope{values, e.Created, e.Version, e.Timeout, e.Deadline, e.CookieMaxAge, e.CookieExpires}
}

// withEnvelope gives a value-only codec a CBOR envelope around opaque bytes.
type withEnvelope struct{ Codec }

func (withEnvelope) MarshalEnvelope(e *Envelope) ([]byte, error) {
	return cborEncode.Marshal(wrap[[]byte](e))
}

func (withEnvelope) UnmarshalEnvelope(data []byte) (*Envelope, error) {
	var e envelope[[]byte]
	if err := cborDecode.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return unwrap(&e), nil
}
