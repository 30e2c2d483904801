# The same commands for people and for CI.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# what a long test says, without its parts; its failure is the command's.
SUMMARY = awk '!/^=== / && !/--- PASS/; /^FAIL/ {failed = 1} END {exit failed}'

.PHONY: build test race lint fuzz golden rows mutants soak soak-idle soak-import sweep reproducible check bench bench-compare

build:
	go build -o bin/peerd ./cmd/peerd

test:
	go test ./...

# Tests of whole processes are left out: what races in them is inside the packages.
race:
	go test -race -short ./...

lint:
	@test -z "$$(gofmt -l cmd deploy pkg)" || { echo "not gofmt-ed:"; gofmt -l cmd deploy pkg; exit 1; }
	go vet ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...

# Each target gets so many runs, about ten seconds: ended by time, Go's fuzzer now and then fails with "context deadline exceeded". FUZZ=6 takes a minute.
FUZZ = 1
FUZZING = go test -run '^$$' -fuzzminimizetime 1x
fuzz:
	$(FUZZING) -fuzz FuzzLoad -fuzztime $$((40000 * $(FUZZ)))x ./pkg/spec
	$(FUZZING) -fuzz FuzzPlan -fuzztime $$((7000 * $(FUZZ)))x ./pkg/plan
	$(FUZZING) -fuzz FuzzCheckReply -fuzztime $$((50000 * $(FUZZ)))x ./pkg/awsnet
	$(FUZZING) -fuzz FuzzBytes -fuzztime $$((100000 * $(FUZZ)))x ./pkg/gitwatch

# golden rewrites the expected outputs; read the difference before you commit it.
golden:
	go test ./pkg/spec ./pkg/plan ./pkg/render ./cmd/peerd ./deploy -update

# Rows, such as 07,18-21; empty: all.
ROWS =

# rows prints the rows of docs/failures.md that no test shows; ROWS=18-21,35 asks for others.
rows:
	go run ./pkg/failures/check rows -rows=$(ROWS)

# mutants takes away what protects against each row, and fails if the row's tests do not notice.
mutants:
	go run ./pkg/failures/check mutants -rows=$(ROWS)

# soak lives through random worlds, specs, hand edits, faults and crashes: MEMORY_SEEDS of them in memory, then SEEDS of them through the SDK over
# the simulator. Each of the two begins no other seed once BOX is over (0: it has all the time), and says how many there were.
# PEERD_SEED=N go test -run TestSoak ./pkg/soak (or TestMemorySoak) replays one.
SEEDS = 3000
MEMORY_SEEDS = 20000
BOX = 3m
SOAK = PEERD_SEEDS=$(SEEDS) PEERD_MEMORY_SEEDS=$(MEMORY_SEEDS) PEERD_BOX=$(BOX) go test -count=1 -timeout 0 -v ./pkg/soak
soak:
	$(SOAK) -run '^TestMemorySoak$$' | $(SUMMARY)
	$(SOAK) -run '^TestSoak$$' | $(SUMMARY)

# soak-idle lets the daemon make PASSES passes while nothing changes, and says what it called and what it holds at the end.
PASSES = 1000
soak-idle:
	PEERD_IDLE_PASSES=$(PASSES) go test -count=1 -timeout 0 -v -run '^TestIdle$$' ./cmd/peerd | $(SUMMARY)

# soak-import imports IMPORT_SEEDS random worlds, and holds the plan and the entries of each against it.
IMPORT_SEEDS = 5000
soak-import:
	PEERD_IMPORT_SEEDS=$(IMPORT_SEEDS) go test -count=1 -timeout 0 -v -run '^TestImport$$' ./pkg/soak | $(SUMMARY)

# sweep stops peerd before and after every call of every situation of pkg/crash, and says how many there were.
sweep:
	go test -count=1 -run '^TestSweep$$' -v ./pkg/crash | $(SUMMARY)

# reproducible builds a release in two places and the image's program in a third, from nothing, and compares them byte for byte.
reproducible:
	PEERD_FRESH_CACHE=1 go test -count=1 -timeout 30m -v -run '^TestReleaseIsReproducible$$' ./deploy | $(SUMMARY)

check: test lint race fuzz rows mutants sweep soak soak-idle soak-import reproducible

# bench measures peerd against the simulator and a client that makes only the calls that must be made; it fails where calls exceed the goals.
# BENCH_FLAGS: -throttle lets the simulator enforce EC2's request rates, -json FILE keeps the figures; go run ./pkg/bench -h has all.
WORKLOADS = W1,W2,W3
BENCH_FLAGS =
bench:
	go run ./pkg/bench -workloads $(WORKLOADS) $(BENCH_FLAGS)

# bench-compare runs the Go benchmarks of the commits BASE and NEW, BENCH of them COUNT times, and says what got faster and what slower.
BASE =
NEW = HEAD
BENCH = .
COUNT = 6
bench-compare:
	BENCH='$(BENCH)' COUNT=$(COUNT) pkg/bench/compare.sh $(BASE) $(NEW)
