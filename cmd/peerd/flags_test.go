package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are all commands with the flags that each knows, those of the whole program among them.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	a := &app{env: func(string) (string, bool) { return "", false }, stdout: io.Discard, stderr: io.Discard}
	root := a.command()
	all := append([]*cobra.Command{root}, root.Commands()...)
	for _, c := range all {
		if err := c.ParseFlags(nil); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// samples are two values of a type of flag, neither of which is any flag's default, as they are written and as the flag shows them.
var samples = map[string][2]struct{ written, shown string }{
	"string":      {{"one", "one"}, {"two", "two"}},
	"bool":        {{"true", "true"}, {"true", "true"}},
	"duration":    {{"7s", "7s"}, {"11s", "11s"}},
	"float64":     {{"0.25", "0.25"}, {"0.75", "0.75"}},
	"stringArray": {{"one", "[one]"}, {"two, three,", "[two,three]"}},
}

// Every flag has its variable, which counts where the flag is not given; else the default does.
func TestEveryFlagHasItsVariable(t *testing.T) {
	t.Parallel()
	names := map[string]string{} // of variables, and the flag of each
	for i, c := range commands(t) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			variable := "PEERD_" + strings.ToUpper(regexp.MustCompile("[^a-z0-9]").ReplaceAllString(f.Name, "_"))
			if other, taken := names[variable]; taken && other != f.Name {
				t.Errorf("--%s and --%s both have the variable %s", f.Name, other, variable)
			}
			names[variable] = f.Name
			v, known := samples[f.Value.Type()]
			if !known {
				t.Fatalf("--%s: no samples of the type %s", f.Name, f.Value.Type())
			}
			for _, tc := range []struct {
				what, flag, variable, want string
			}{
				{"neither", "", "", f.DefValue},
				{"flag", v[0].written, "", v[0].shown},
				{"variable", "", v[1].written, v[1].shown},
				{"both", v[0].written, v[1].written, v[0].shown},
			} {
				got := value(t, commands(t)[i], f.Name, tc.flag, map[string]string{variable: tc.variable})
				if got != tc.want {
					t.Errorf("%s --%s (%s), given by %s: %s, want %s", c.CommandPath(), f.Name, variable, tc.what, got, tc.want)
				}
			}
		})
	}
	for _, name := range []string{"PEERD_SPEC", "PEERD_AWS_SHARE", "PEERD_LOG_LEVEL", "PEERD_MAX_DELETES", "PEERD_STS_REGION"} {
		if names[name] == "" {
			t.Errorf("no flag has the variable %s", name)
		}
	}
}

// value is what a fresh command's flag is after the command line and the environment were read.
func value(t *testing.T, c *cobra.Command, flag, given string, env map[string]string) string {
	t.Helper()
	if given != "" {
		if err := c.ParseFlags([]string{"--" + flag + "=" + given}); err != nil {
			t.Fatal(err)
		}
	}
	if err := fromEnvironment(c.Flags(), func(k string) (string, bool) { v, ok := env[k]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	return c.Flags().Lookup(flag).Value.String()
}

// A flag beats its variable in a whole run too, and a list of labels is one.
func TestFlagBeatsVariable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		"variable":             {[]string{"plan", "--sandbox", example}, map[string]string{"PEERD_OUTPUT": "markdown"}, 2, "### peerd plan: 28 to add"},
		"flag and variable":    {[]string{"plan", "--sandbox", example, "-o", "text"}, map[string]string{"PEERD_OUTPUT": "markdown"}, 2, "\nPlan: 28 to add"},
		"flag and a wrong one": {[]string{"plan", "--sandbox", example, "--timeout", "1m"}, map[string]string{"PEERD_TIMEOUT": "soon"}, 2, "\nPlan: 28 to add"},
		"empty variable":       {[]string{"plan", "--sandbox", example}, map[string]string{"PEERD_TIMEOUT": "", "PEERD_PRUNE": ""}, 2, "\nPlan: 28 to add"},
		"two labels":           {[]string{"--once", "--sandbox", "--spec", example}, map[string]string{"PEERD_TARGET": "hub-data, payments-data"}, 0, "in sync: 2 peerings\n"},
		"a label, and a list":  {[]string{"--once", "--sandbox", "--spec", example, "--target", "hub-data"}, map[string]string{"PEERD_TARGET": "hub-payments,payments-data"}, 0, "in sync: 1 peering\n"},
		"no such label":        {[]string{"plan", "--sandbox", example}, map[string]string{"PEERD_TARGET": "hub-data,hub"}, 3, "--target hub: the spec has no peering of this name"},
		"path and variable":    {[]string{"plan", "--sandbox", example}, map[string]string{"PEERD_SPEC": "no-such-file.yaml"}, 2, "\nPlan: 28 to add"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := peerd(t, tc.env, tc.args...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit %d, want %d and %q\nstdout:\n%s\nstderr:\n%s", code, tc.code, tc.says, stdout, stderr)
			}
		})
	}
}

// A value that would be taken for "not given", or for any rate, is refused before the spec is read.
func TestMeaninglessFlags(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"--settle=0", "--settle=0s", "--settle=-1s", "--timeout=0", "--timeout=-10m",
		"--aws-share=NaN", "--aws-share=Inf", "--aws-share=-Inf", "--aws-share=0", "--aws-share=-0.5", "--aws-share=1.01"} {
		flag, given, _ := strings.Cut(arg, "=")
		variable := "PEERD_" + strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(flag, "--"), "-", "_"))
		for what, run := range map[string]struct {
			args []string
			env  map[string]string
		}{
			"flag":     {[]string{"--once", "--sandbox", "--spec", "no-such-file.yaml", arg}, nil},
			"variable": {[]string{"plan", "--sandbox", "no-such-file.yaml"}, map[string]string{variable: given}},
		} {
			t.Run(arg+"/"+what, func(t *testing.T) {
				t.Parallel()
				code, stdout, stderr := peerd(t, run.env, run.args...)
				if code != 3 || !strings.HasPrefix(stderr, "peerd: "+flag+" ") || !strings.Contains(stderr, ": say a ") || stdout != "" {
					t.Errorf("exit %d, want 3 and a word on %s\nstdout:\n%s\nstderr:\n%s", code, flag, stdout, stderr)
				}
			})
		}
	}
}

// A flag of the daemon on the command line of a single pass is refused, not passed over. Its variable may be there: peerd.env is one for both.
func TestDaemonFlagsOfASinglePass(t *testing.T) {
	t.Parallel()
	n := 0
	(&app{}).daemonFlags().VisitAll(func(f *pflag.Flag) {
		n++
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			written := samples[f.Value.Type()][0].written
			args := []string{"--once", "--sandbox", "--spec", example}
			code, stdout, stderr := peerd(t, nil, append(args, "--"+f.Name+"="+written)...)
			if code != 3 || !strings.HasPrefix(stderr, "peerd: --"+f.Name+" is for the daemon: ") || stdout != "" {
				t.Errorf("flag: exit %d, want 3\n%s\n%s", code, stdout, stderr)
			}
			if strings.HasPrefix(f.Name, "leader-elect") {
				return // who relies on an election must not write beside it
			}
			variable := "PEERD_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(f.Name))
			if code, stdout, stderr = peerd(t, map[string]string{variable: written}, args...); code != 0 {
				t.Errorf("variable: exit %d, want 0\n%s\n%s", code, stdout, stderr)
			}
		})
	})
	if n < 8 {
		t.Errorf("the daemon has %d flags", n)
	}
}
