package deploy

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every flag of peerd that stands in a file of this directory is one that peerd has, in that sub-command where one is named; and so is every
// PEERD_ variable.
func TestFlagsExist(t *testing.T) {
	t.Parallel()
	known := readFlags(t)
	seen := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || path.Ext(name) == ".go" {
			return err
		}
		text, err := os.ReadFile(name)
		n, wrong := known.check(string(text))
		seen += n
		for _, w := range wrong {
			t.Errorf("%s: %s", name, w)
		}
		return err
	})
	if err != nil || seen == 0 {
		t.Errorf("%d flags seen, %v", seen, err)
	}
}

// A flag that peerd does not have is found wherever it may stand, and other programs' flags are left alone.
func TestFlagsAreFound(t *testing.T) {
	t.Parallel()
	known := readFlags(t)
	for text, want := range map[string]int{
		"ExecStart=/usr/bin/peerd --spec=/etc/peerd/spec --purge":  1,
		"ExecStart=/usr/bin/peerd --spec=/etc/peerd/spec --prune":  0,
		"args:\n  - --once\n  - \"--repository=x\"":                1,
		"- {{ printf \"--repo=%s\" . | quote }}":                   0,
		"peerd plan specs/ \\\n  --explain a --interval 1m":        1, // of the daemon only
		"peerd plan specs/ --explain a && peerd validate --prune":  1,
		"run: docker build --pull . && peerd --nce":                1,
		"COPY --from=build /peerd /usr/bin/peerd":                  0,
		"helm template peerd . --set a=b | kubectl apply --dry-ru": 0,
		"Environment=PEERD_AWS_SHARE=0.5 PEERD_AWS_PART=1":         1,
		"[\"/peerd\", \"--sandbox\", \"--demo\"]":                  1,
	} {
		if _, wrong := known.check(text); len(wrong) != want {
			t.Errorf("%s: %q, want %d", text, wrong, want)
		}
	}
}

// flags are those of a sub-command, by its name; "" is peerd itself.
type flags map[string][]string

var (
	helpFlag    = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z][a-z0-9.-]*)`)
	helpCommand = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) {2,}`)
)

// readFlags asks peerd itself.
func readFlags(t *testing.T) flags {
	t.Helper()
	help := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), peerd(t), append(args, "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	all := flags{}
	add := func(command, text string) {
		for _, m := range helpFlag.FindAllStringSubmatch(text, -1) {
			all[command] = append(all[command], m[1])
		}
	}
	root := help()
	add("", root)
	_, commands, _ := strings.Cut(root, "Available Commands:")
	commands, _, _ = strings.Cut(commands, "\nFlags:")
	for _, m := range helpCommand.FindAllStringSubmatch(commands, -1) {
		add(m[1], help(m[1]))
	}
	if len(all) < 8 || !slices.Contains(all[""], "leader-elect") || !slices.Contains(all["plan"], "explain") {
		t.Fatalf("peerd's help is not understood: %v", all)
	}
	return all
}

// others are the programs, and the instructions of Dockerfiles, whose flags are not peerd's. Programs that are not here are taken for peerd, so
// that no list of arguments is passed over.
var others = strings.Fields("apk helm kubectl docker buildx aws eksctl curl jq go git gh glab cosign syft goreleaser ko promtool terraform systemctl systemd-analyze " +
	"systemd-creds journalctl sha256sum tar npm install adduser groupadd useradd COPY FROM RUN ADD HEALTHCHECK")

var (
	separator = regexp.MustCompile(`&&|\|\||[|;\n]`)
	word      = regexp.MustCompile(`[A-Za-z0-9_./@$-]+`)
	variable  = regexp.MustCompile(`\bPEERD_[A-Z][A-Z_]*[A-Z]\b`)
	isFlag    = regexp.MustCompile(`^--[a-z]`)
)

// check returns how many flags and variables of peerd a text holds, and says which do not exist.
func (f flags) check(text string) (seen int, wrong []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, line := range separator.Split(text, -1) {
		n, w := f.checkLine(line)
		seen, wrong = seen+n, append(wrong, w...)
	}
	for _, v := range variable.FindAllString(text, -1) {
		seen++
		if !f.sets(v) {
			wrong = append(wrong, v+" sets no flag of peerd")
		}
	}
	return seen, wrong
}

// checkLine takes flags for those of the first program that a line names, or for peerd's where it names none.
func (f flags) checkLine(line string) (seen int, wrong []string) {
	program, command := "", ""
	words := word.FindAllString(line, -1)
	for i, w := range words {
		base := path.Base(w)
		switch {
		case isFlag.MatchString(w) && (program == "" || program == "peerd"):
			seen++
			if flag := strings.Trim(w, "-."); !f.has(command, flag) {
				wrong = append(wrong, strings.TrimSpace(fmt.Sprintf("--%s is no flag of peerd %s", flag, command)))
			}
		case program == "" && (base == "peerd" || slices.Contains(others, base)):
			program = base
		case program == "peerd" && path.Base(words[i-1]) == "peerd" && f[base] != nil:
			command = base
		}
	}
	return seen, wrong
}

// has reports whether a flag exists; without a sub-command it may be any one's.
func (f flags) has(command, flag string) bool {
	if command != "" {
		return slices.Contains(f[command], flag)
	}
	for _, all := range f {
		if slices.Contains(all, flag) {
			return true
		}
	}
	return false
}

func (f flags) sets(variable string) bool {
	name := strings.ToLower(strings.TrimPrefix(variable, "PEERD_"))
	for _, all := range f {
		for _, flag := range all {
			if strings.NewReplacer("-", "_", ".", "_").Replace(flag) == name {
				return true
			}
		}
	}
	return false
}
