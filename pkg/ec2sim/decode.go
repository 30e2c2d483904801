package ec2sim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// query reads what all Describe calls share, the ids under the call's own parameter name.
func query(f wire.Form, ids string) world.Query {
	q := world.Query{}
	if ids != "" {
		q.IDs = f.List(ids)
	}
	for _, sub := range f.Subs("Filter") {
		q.Filters = append(q.Filters, world.Filter{Name: sub.Str("Name"), Values: sub.List("Value")})
	}
	return q
}

// tags reads Tag.N; a key that comes twice is kept as its own kind of mistake.
func tags(f wire.Form, name string) (world.Tags, *world.Error) {
	out := world.Tags{}
	for _, sub := range f.Subs(name) {
		k := sub.Str("Key")
		if _, twice := out[k]; twice {
			return nil, &world.Error{Code: "InvalidParameterValue", Message: fmt.Sprintf("Duplicate tag key '%s' specified.", k)}
		}
		out[k] = sub.Str("Value")
	}
	return out, nil
}

// tagSpecifications reads the tags for one type of resource, the only one that the call can make.
func tagSpecifications(f wire.Form, resource string) (world.Tags, *world.Error) {
	var out world.Tags
	var bad *world.Error
	for _, spec := range f.Subs("TagSpecification") {
		t, err := tags(spec, "Tag")
		kind := spec.Str("ResourceType")
		switch {
		case err != nil:
			bad = err
		case kind != resource:
			bad = &world.Error{Code: "InvalidParameterValue", Message: fmt.Sprintf("'%s' is not a valid taggable resource type for this operation.", kind)}
		case out != nil:
			bad = &world.Error{Code: "InvalidParameterValue", Message: fmt.Sprintf("Duplicate resource type '%s' specified.", kind)}
		}
		out = t
	}
	return out, bad
}

func tagSet(t world.Tags) wire.Node {
	return wire.Set("tagSet", slices.Sorted(maps.Keys(t)), func(k string) []wire.Node { return []wire.Node{wire.Text("key", k), wire.Text("value", t[k])} })
}
