package redisstore_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/redistest"
)

func BenchmarkLoad(b *testing.B) {
	srv := redistest.Start(b)
	s := dial(b, srv.URL(), nil)
	for _, size := range []int{700, 64 << 10} {
		name := strconv.Itoa(size)
		must(b, s.Create(b.Context(), name, newRecord(strings.Repeat("x", size)), time.Hour))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Load(b.Context(), name, sojourn.Keep); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+", many at once", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32) // times GOMAXPROCS
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := s.Load(b.Context(), name, sojourn.Keep); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
