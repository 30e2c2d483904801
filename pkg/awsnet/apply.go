package awsnet

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// writer applies actions in one scope, with credentials that were found to be its account's, as long as they are wanted.
type writer struct {
	*client
	session *session
	wanted  func() bool
}

// Apply applies the actions of one batch and returns one outcome for each, in their order. It uses the rights of the latest look. It
// does not decide what a failure means: nothing is tried twice unless EC2 refused it for its rate before doing anything.
func (t *Target) Apply(ctx context.Context, b plan.Batch, wanted func() bool) []plan.Outcome {
	if len(b) == 0 {
		return nil
	}
	out := make([]plan.Outcome, len(b))
	waits := false
	for i, a := range b {
		out[i].Action = a
		waits = waits || !a.Ready()
	}
	w, err := t.writer(ctx, b.Scope(), wanted)
	switch {
	case waits:
		failAll(out, &netstate.Error{Op: b[0].String(), Scope: b.Scope(), Kind: netstate.Stale, Message: "what this needs was not observed yet"})
	case err != nil:
		failAll(out, err)
	default:
		w.batch(ctx, out)
	}
	return out
}

func (t *Target) writer(ctx context.Context, scope netstate.Scope, wanted func() bool) (*writer, *netstate.Error) {
	t.mu.Lock()
	a, ok := t.access[scope.Account]
	t.mu.Unlock()
	nobody := &client{scope: scope}
	if !ok {
		return nil, &netstate.Error{Op: "open a session", Scope: scope, Kind: netstate.Denied, Message: "no access to this account is configured"}
	}
	s, err := t.session(ctx, a)
	if err != nil {
		return nil, nobody.failure("open a session", err, false)
	}
	c := s.client(scope)
	if err := s.verify(ctx, c); err != nil {
		return nil, err
	}
	return &writer{c, s, wanted}, nil
}

// change makes one call that may change something. It is never repeated once it may have worked. Credentials that were replaced since
// somebody asked whose they are sign nothing: that is asked again first.
func (w *writer) change(ctx context.Context, what string, call func(context.Context) error) *netstate.Error {
	f := fate{wanted: w.wanted}
	fated := context.WithValue(ctx, fateKey{}, &f)
	err := w.renewing(fated, call)
	if errors.Is(err, errUnsure) {
		if err := w.session.verify(ctx, w.client); err != nil {
			return err
		}
		err = call(fated)
	}
	return w.failure(what, err, f.unknown)
}

// batch makes one call for actions that EC2 takes as a list, and one call each for the others.
func (w *writer) batch(ctx context.Context, out []plan.Outcome) {
	switch {
	case all[plan.AllowRule](out):
		w.allowRules(ctx, out)
	case all[plan.ChangeRule](out):
		failAll(out, w.changeRules(ctx, actions[plan.ChangeRule](out)))
	case all[plan.DescribeRule](out):
		failAll(out, w.describeRulesAs(ctx, actions[plan.DescribeRule](out)))
	case all[plan.TagRule](out):
		failAll(out, w.tagRules(ctx, actions[plan.TagRule](out)))
	case all[plan.RevokeRule](out):
		w.revokeRules(ctx, out)
	default:
		for i := range out {
			out[i].Got, out[i].Err = w.one(ctx, out[i].Action)
		}
	}
}

// one applies an action of a kind that EC2 takes one at a time.
func (w *writer) one(ctx context.Context, a plan.Action) (got string, _ *netstate.Error) {
	switch a := a.(type) {
	case plan.OpenConnection:
		return w.openConnection(ctx, a)
	case plan.AcceptConnection:
		return string(a.Conn), w.acceptConnection(ctx, a)
	case plan.TagConnection:
		return string(a.Conn), w.tagConnection(ctx, a)
	case plan.SetOptions:
		return string(a.Conn), w.setOptions(ctx, a)
	case plan.AddRoute:
		return "", w.addRoute(ctx, a)
	case plan.ReplaceRoute:
		return "", w.replaceRoute(ctx, a)
	case plan.RemoveRoute:
		return "", w.removeRoute(ctx, a)
	case plan.CloseConnection:
		return "", w.closeConnection(ctx, a)
	case plan.AllowRule, plan.ChangeRule, plan.DescribeRule, plan.TagRule, plan.RevokeRule:
		alone := []plan.Outcome{{Action: a}}
		w.batch(ctx, alone)
		return alone[0].Got, alone[0].Err
	}
	return "", &netstate.Error{Op: a.String(), Scope: w.scope, Kind: netstate.Invalid, Message: "no call is known for this"}
}

func all[A plan.Action](out []plan.Outcome) bool {
	for _, o := range out {
		if _, ok := o.Action.(A); !ok {
			return false
		}
	}
	return true
}

func actions[A plan.Action](out []plan.Outcome) []A {
	in := make([]A, len(out))
	for i, o := range out {
		in[i] = o.Action.(A)
	}
	return in
}

func failAll(out []plan.Outcome, err *netstate.Error) {
	for i := range out {
		out[i].Err = err
	}
}

// tag puts tags on resources; EC2 takes many at once, and the same tags for all.
func (w *writer) tag(ctx context.Context, tags netstate.Tags, ids ...string) *netstate.Error {
	what := "tag " + ids[0]
	if len(ids) > 1 {
		what += " and others"
	}
	return w.change(ctx, what, func(ctx context.Context) error {
		_, err := w.write.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: sdkTags(tags)})
		return err
	})
}

func tagged(kind types.ResourceType, tags netstate.Tags) []types.TagSpecification {
	if len(tags) == 0 {
		return nil
	}
	return []types.TagSpecification{{ResourceType: kind, Tags: sdkTags(tags)}}
}

func text[S ~string](s S) *string { return aws.String(string(s)) }

// agreed turns the <return>false</return> that some replies may carry into an error: the reply is whole, yet it is no success.
func agreed(ok *bool) error {
	if ok != nil && !*ok {
		return errors.New("EC2 answered that it was not done")
	}
	return nil
}
