# make demo   runs the demo; needs nothing but Go
# make test   installs what the tests need, on Debian and Ubuntu, and runs them all
# make oldest checks that the oldest supported Go still compiles the root module
# make fuzz   looks for inputs that break the parsers, for as long as FUZZTIME

FUZZTIME ?= 30s
MODULES  := $(patsubst %/go.mod,%,$(wildcard go.mod */go.mod))
MODULES  := $(subst go.mod,.,$(MODULES))

OLDEST   := go$(shell sed -n 's/^go //p' go.mod)

.PHONY: demo setup check oldest test fuzz

demo:
	go run ./cmd/sojourn demo

setup:
	@sh scripts/setup.sh

check:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi
	@for m in $(MODULES); do echo "vet $$m"; (cd $$m && go vet ./...) || exit 1; done

oldest:
	GOTOOLCHAIN=$(OLDEST) go vet ./...

# -count=1: the cache of results does not see that the demo's binary has changed.
test: setup check oldest
	@for m in $(MODULES); do echo "test $$m"; (cd $$m && go test -race -count=1 -timeout 10m ./...) || exit 1; done

fuzz:
	go test -run '^$$' -fuzz FuzzCookie -fuzztime $(FUZZTIME) .
	go test -run '^$$' -fuzz FuzzEnvelope -fuzztime $(FUZZTIME) .
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./redisstore
	go test -run '^$$' -fuzz FuzzFrames -fuzztime $(FUZZTIME) ./redisstore
