//go:build nokube

package main

import (
	"context"
	"errors"
	"log/slog"
)

// election is no part of a program built with the tag nokube: Kubernetes' client is a third of one that has it.
type election struct{}

func newElection(string, *slog.Logger, func(bool)) (*election, error) {
	return nil, errors.New("--leader-elect: this peerd was built without Kubernetes' client (-tags nokube): take a release, or build it without that tag")
}

func (*election) run(context.Context) error { return nil }

func (*election) leads() bool { return true }
