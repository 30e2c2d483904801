package main

import (
	"context"
	"path"

	"github.com/spf13/pflag"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

// repoFlags are those of specs in a git repository.
func (a *app) repoFlags(f *pflag.FlagSet) {
	c := &a.repo
	f.StringVar(&c.Repo, "repo", "", "git repository with the spec, instead of --spec: an https or ssh `URL`, or a path on this machine")
	f.StringVar(&c.Branch, "branch", "main", "`BRANCH` of the repository that is followed")
	f.StringVar(&c.Path, "path", "", "`DIR` of the spec in the repository; default: its root")
	f.StringVar(&c.TokenFile, "git-token-file", "", "`FILE` with the token or password for https")
	f.StringVar(&c.CAFile, "git-ca-file", "", "`FILE` with the certificate authorities that count for https, instead of the machine's")
	f.StringVar(&c.SSHKeyFile, "git-ssh-key-file", "", "`FILE` with the private key for ssh")
	f.StringVar(&c.KnownHostsFile, "git-known-hosts-file", "", "`FILE` with the keys of the hosts that are spoken to by ssh")
	f.BoolVar(&c.AllowRewind, "allow-rewind", false, "also apply a head that does not descend from the commit that was applied last")
	f.StringVar(&c.Verify, "verify", gitwatch.VerifyNone, "none, openpgp or ssh: apply only a head that is signed so")
	f.StringVar(&c.VerifyKeysFile, "verify-keys-file", "", "`FILE` with the keys that may sign: armored for openpgp, allowed signers for ssh")
	f.StringVar(&a.stateFile, "state-file", "", "`FILE` that remembers the commit that was applied last, so that a rewind is found across restarts too")
}

// checkSource refuses flags of a repository where there is none: whoever says --verify must not be left without it.
func (a *app) checkSource(f *pflag.FlagSet, path string) error {
	if a.repo.Repo != "" {
		if path != "" {
			return usageError("--spec %s and --repo: say one of them", path)
		}
		return nil
	}
	if path == "" {
		return usageError("say --spec PATH, a file or a directory of *.yaml files, or --repo URL")
	}
	for _, name := range []string{"branch", "path", "git-token-file", "git-ca-file", "git-ssh-key-file", "git-known-hosts-file", "allow-rewind", "verify", "verify-keys-file", "state-file"} {
		if f.Changed(name) {
			return usageError("--%s is of a repository: say --repo too", name)
		}
	}
	return nil
}

// source is where specs come from: a repository, or the files at path.
func (a *app) source(path string) (reconcile.Source, error) {
	if a.repo.Repo != "" {
		w, err := gitwatch.New(a.repo)
		if err != nil {
			return nil, exitError{reconcile.ExitSpec, err}
		}
		a.specDir = a.repo.Path
		return w, nil
	}
	_, dir, err := specFiles(path)
	if err != nil {
		return nil, exitError{reconcile.ExitSpec, err}
	}
	a.specDir = dir
	if a.prune && !a.dryRun {
		return local{path, steadyToPrune}, nil
	}
	return local{path: path}, nil
}

func cleanPath(p string) string { return path.Clean("./" + p) }

// fetch returns what a single pass applies: the newest commit, and its spec. applied is the commit that was applied last.
func (a *app) fetch(ctx context.Context, s reconcile.Source, applied string) (reconcile.Commit, error) {
	c, err := s.Fetch(ctx, applied)
	if err == nil {
		return c, nil
	}
	if a.repo.Repo != "" {
		return c, exitError{reconcile.ExitFailed, err}
	}
	return c, exitError{reconcile.ExitSpec, err}
}

// loadCommit loads a commit's files and settles whose they are.
func (a *app) loadCommit(c reconcile.Commit) (*spec.Set, error) {
	set, err := spec.Load(c.Files, a.specDir)
	if err != nil {
		return nil, err
	}
	return a.complete(set)
}

// complete adds to a spec what the command line says: whose it is, and where STS is asked.
func (a *app) complete(set *spec.Set) (*spec.Set, error) {
	set, err := set.WithOwner(netstate.OwnerID(a.owner))
	if err != nil {
		return nil, err
	}
	for _, account := range set.Accounts {
		if account.STSRegion == "" {
			account.STSRegion = netstate.Region(a.stsRegion)
		}
	}
	return set, nil
}
