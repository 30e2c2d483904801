package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func createTags(f wire.Form) effect {
	ids := f.List("ResourceId")
	t, bad := tags(f, "Tag")
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		return done(q.world.CreateTags(q.at, ids, t))
	}
}

// deleteTags tells a tag without a value, which is deleted whatever its value, from one with an empty value.
func deleteTags(f wire.Form) effect {
	ids := f.List("ResourceId")
	var refs []world.TagRef
	for _, sub := range f.Subs("Tag") {
		ref := world.TagRef{Key: sub.Str("Key")}
		if v, sent := sub.Get("Value"); sent {
			ref.Value = &v
		}
		refs = append(refs, ref)
	}
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteTags(q.at, ids, refs)) }
}

func describeTags(f wire.Form) effect {
	in := query(f, "")
	p := pages(f, "tagSet", 1000, nil)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.FindTags(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, world.Tagged.Place, func(t world.Tagged) []wire.Node {
			return []wire.Node{wire.Text("resourceId", t.Resource), wire.Text("resourceType", t.Kind), wire.Text("key", t.Key), wire.Text("value", t.Value)}
		})
	}
}
