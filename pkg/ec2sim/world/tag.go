package world

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tags are those of one resource; never edited once stored.
type Tags map[string]string

// Tagged is one tag of one resource, as DescribeTags lists it.
type Tagged struct{ Resource, Kind, Key, Value string }

// TagRef names a tag to delete: with a value only if the tag has that value.
type TagRef struct {
	Key   string
	Value *string
}

// reservedTag says whether a tag is AWS's own: no user makes, changes or removes it, and it does not count (EC2 User Guide, "Tag restrictions").
func reservedTag(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

func refuseReserved() *Error {
	return invalid("Tag keys starting with 'aws:' are reserved for internal use")
}

// CheckTags refuses tags that EC2 would (EC2 User Guide, "Tag restrictions").
func (w *World) CheckTags(account string, tags Tags) *Error {
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case reservedTag(k):
			return refuseReserved()
		case k == "":
			return invalid("Tag key cannot be empty")
		case utf8.RuneCountInString(k) > 127:
			return invalid("Tag key exceeds the maximum length of 127 characters")
		case utf8.RuneCountInString(tags[k]) > 256:
			return invalid("Tag value exceeds the maximum length of 256 characters")
		}
	}
	return w.checkTagCount(account, tags)
}

func (w *World) checkTagCount(account string, tags Tags) *Error {
	own := 0
	for k := range tags {
		if !reservedTag(k) {
			own++
		}
	}
	if limit := w.Quota(account).Tags; limit > 0 && own > limit {
		return refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return nil
}

// CreateTags puts tags on every resource named, or on none.
func (w *World) CreateTags(at At, ids []string, tags Tags) *Error {
	if len(tags) == 0 {
		return missing("Tag")
	}
	if err := w.CheckTags(at.Account, tags); err != nil {
		return err
	}
	return w.retag(at, ids, func(old Tags) Tags {
		merged := maps.Clone(old)
		if merged == nil {
			merged = Tags{}
		}
		maps.Copy(merged, tags)
		return merged
	})
}

// DeleteTags removes the tags named; without any, all that the user may remove (EC2 API reference, DeleteTags).
func (w *World) DeleteTags(at At, ids []string, refs []TagRef) *Error {
	if slices.ContainsFunc(refs, func(r TagRef) bool { return reservedTag(r.Key) }) {
		return refuseReserved()
	}
	named := func(k, v string) bool {
		return slices.ContainsFunc(refs, func(r TagRef) bool { return r.Key == k && (r.Value == nil || *r.Value == v) })
	}
	return w.retag(at, ids, func(old Tags) Tags {
		left := Tags{}
		for k, v := range old {
			if reservedTag(k) || len(refs) > 0 && !named(k, v) {
				left[k] = v
			}
		}
		return left
	})
}

func (w *World) retag(at At, ids []string, change func(Tags) Tags) *Error {
	switch {
	case len(ids) == 0:
		return missing("ResourceId")
	case len(ids) > 1000:
		return invalid("The maximum number of resources for one call is 1000")
	}
	var sets []func()
	for _, id := range ids {
		old, set, err := w.taggable(at, id)
		if err != nil {
			return err
		}
		tags := change(old)
		if err := w.checkTagCount(at.Account, tags); err != nil {
			return err
		}
		sets = append(sets, func() { set(tags) })
	}
	for _, set := range sets {
		set()
	}
	return nil
}

// taggable finds the tags of a resource, and how to store others.
func (w *World) taggable(at At, id string) (Tags, func(Tags), *Error) {
	r := w.in(at.Scope)
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "vpc":
		return tagsOf(vpcKind, r.vpcs, id, func(v *VPC) *Tags { return &v.Tags })
	case "subnet":
		return tagsOf(subnetKind, r.subnets, id, func(v *Subnet) *Tags { return &v.Tags })
	case "rtb":
		return tagsOf(tableKind, r.tables, id, func(v *Table) *Tags { return &v.Tags })
	case "igw":
		return tagsOf(gatewayKind, r.gateways, id, func(v *Gateway) *Tags { return &v.Tags })
	case "sg":
		return tagsOf(groupKind, r.groups, id, func(v *Group) *Tags { return &v.Tags })
	case "acl":
		return tagsOf(aclKind, r.acls, id, func(v *ACL) *Tags { return &v.Tags })
	case "pl":
		return tagsOf(listKind, r.lists, id, func(v *PrefixList) *Tags { return &v.Tags })
	case "sgr":
		return w.ruleTags(at, id)
	case "pcx":
		return w.connectionTags(at, id)
	}
	return nil, nil, refuse("InvalidID", "The ID '%s' is not valid", id)
}

func tagsOf[T any](k kind, all map[string]T, id string, tags func(*T) *Tags) (Tags, func(Tags), *Error) {
	v, err := get(k, all, id)
	if err != nil {
		return nil, nil, err
	}
	return *tags(&v), func(t Tags) {
		v := all[id]
		*tags(&v) = t
		all[id] = v
	}, nil
}

// Place is where a tag stands in a listing: by resource and key.
func (t Tagged) Place() string { return t.Resource + "\x00" + t.Key }

// FindTags answers DescribeTags.
func (w *World) FindTags(at At, q Query) ([]Tagged, *Error) {
	return find(w, q, listing[Tagged]{
		all: w.allTags(at), id: Tagged.Place,
		fields: fields[Tagged]{
			"resource-id":   func(t Tagged) []string { return one(t.Resource) },
			"resource-type": func(t Tagged) []string { return one(t.Kind) },
			"key":           func(t Tagged) []string { return one(t.Key) },
			"value":         func(t Tagged) []string { return []string{t.Value} },
		},
	})
}

func (w *World) allTags(at At) []Tagged {
	r, out := w.in(at.Scope), []Tagged{}
	add := func(k kind, id string, tags Tags) {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			out = append(out, Tagged{id, k.resource, key, tags[key]})
		}
	}
	for _, v := range r.vpcs {
		add(vpcKind, v.ID, v.Tags)
	}
	for _, v := range r.subnets {
		add(subnetKind, v.ID, v.Tags)
	}
	for _, v := range r.tables {
		add(tableKind, v.ID, v.Tags)
	}
	for _, v := range r.gateways {
		add(gatewayKind, v.ID, v.Tags)
	}
	for _, v := range r.acls {
		add(aclKind, v.ID, v.Tags)
	}
	for _, v := range r.lists {
		add(listKind, v.ID, v.Tags)
	}
	for _, g := range r.groups {
		add(groupKind, g.ID, g.Tags)
		for _, rule := range g.Rules {
			add(ruleKind, rule.ID, rule.Tags)
		}
	}
	for _, c := range w.connectionsIn(at) {
		add(connKind, c.ID, c.Tags)
	}
	slices.SortFunc(out, func(a, b Tagged) int { return strings.Compare(a.Place(), b.Place()) })
	return out
}
