module github.com/sojourn-go/sojourn

go 1.25.0

require (
	github.com/fxamacker/cbor/v2 v2.9.6
	github.com/redis/rueidis v1.0.79
)

require (
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
