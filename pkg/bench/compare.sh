#!/usr/bin/env bash
# compare.sh BASE [NEW] runs the Go benchmarks of two commits in turn and compares them with benchstat; NEW is HEAD if it is not given. Of what is
# not committed nothing is measured. BENCH chooses benchmarks by a regular expression, PACKAGES where they are, COUNT how often each runs.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)"
base=$(git rev-parse --verify "${1:?which commit is NEW to be compared with?}^{commit}")
new=$(git rev-parse --verify "${2:-HEAD}^{commit}")
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

dir=$(mktemp -d)
trap 'rm -rf "$dir"; git worktree prune' EXIT
git worktree add --quiet --detach "$dir/base" "$base"
git worktree add --quiet --detach "$dir/new" "$new"

# measure runs the benchmarks of "base" or "new" once.
measure() {
  local packages
  read -ra packages <<<"${PACKAGES:-$(cd "$dir/$1" && grep -rl '^func Benchmark' --include='*_test.go' ./pkg ./cmd | xargs -n 1 dirname | sort -u | tr '\n' ' ')}"
  (cd "$dir/$1" && go test -run '^$' -bench "${BENCH:-.}" -count 1 "${packages[@]}") >>"$dir/$1.txt"
}
for i in $(seq "${COUNT:-6}"); do # in turn, so that what else the machine does slows both
  echo "round $i" >&2
  measure base
  measure new
done
(cd "$dir" && go run "$benchstat" base.txt new.txt)
