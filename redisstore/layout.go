package redisstore

import (
	"errors"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// A record is one Redis string:
//
//	offset  length
//	     0      13  the head: when it dies, unix milliseconds in decimal digits,
//	                with leading zeros; all zeros: never
//	    13      16  Record.Version
//	    29          Record.Data
//
// The head has a fixed length and heads compare as text, so that a script can
// read, compare and rewrite it in place.
const (
	versionAt = 13
	dataAt    = versionAt + len(sojourn.Version{})

	never   = "0000000000000"
	maxHead = 9999999999999 // in the year 2286
)

// errMalformed says nothing of the value, which may hold secrets.
var errMalformed = errors.New("the value under the key is no record of this store")

// head returns the first field of a record. 0 means never.
func head(ms int64) string {
	var b [versionAt]byte
	putHead(&b, ms)
	return string(b[:])
}

func putHead(b *[versionAt]byte, ms int64) {
	ms = min(max(ms, 0), maxHead)
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + ms%10)
		ms /= 10
	}
}

// format returns the whole value of a record, in memory of its own.
func format(ms int64, rec *sojourn.Record) string {
	b := make([]byte, dataAt+len(rec.Data))
	putHead((*[versionAt]byte)(b), ms)
	copy(b[versionAt:], rec.Version[:])
	copy(b[dataAt:], rec.Data)
	return rueidis.BinaryString(b)
}

// parse is the inverse of format. Data is a part of b.
func parse(b []byte) (rec *sojourn.Record, ms int64, err error) {
	if len(b) < dataAt {
		return nil, 0, errMalformed
	}
	for _, c := range b[:versionAt] {
		if c < '0' || c > '9' {
			return nil, 0, errMalformed
		}
		ms = ms*10 + int64(c-'0')
	}
	rec = &sojourn.Record{Data: b[dataAt:len(b):len(b)]}
	copy(rec.Version[:], b[versionAt:])
	if ms != 0 {
		rec.Expires = time.UnixMilli(ms)
	}
	return rec, ms, nil
}
