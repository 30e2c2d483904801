# The same commands for people and for CI.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME = 10s

.PHONY: build test race lint fuzz golden check

build:
	go build -o bin/peerd ./cmd/peerd

test:
	go test ./...

# Tests of whole processes are left out: what races in them is inside the packages.
race:
	go test -race -short ./...

lint:
	@test -z "$$(gofmt -l cmd pkg)" || { echo "not gofmt-ed:"; gofmt -l cmd pkg; exit 1; }
	go vet ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...

fuzz:
	go test -run '^$$' -fuzz FuzzLoad -fuzzminimizetime 1x -fuzztime $(FUZZTIME) ./pkg/spec

# golden rewrites the expected outputs; read the difference before you commit it.
golden:
	go test ./pkg/spec ./pkg/plan ./pkg/render ./cmd/peerd -update

check: test lint race fuzz
