package spec

// merge lays one node over another: objects and maps field by field; everything else, selectors among them, is replaced. Either
// may be absent.
func merge(s *shape, base, over *node) *node {
	switch {
	case base == nil:
		return over
	case over == nil:
		return base
	case s.form != isObject && s.form != isMap:
		return over
	}
	out := *over
	out.fields = nil
	for _, e := range base.fields {
		if v := over.get(e.key.text); v != nil {
			e = entry{e.key, merge(s.part(e.key.text), e.val, v)}
		}
		out.fields = append(out.fields, e)
	}
	for _, e := range over.fields {
		if base.get(e.key.text) == nil {
			out.fields = append(out.fields, e)
		}
	}
	return &out
}

// part returns the shape of a field of an object, or of every element of a map.
func (s *shape) part(key string) *shape {
	if s.form == isMap {
		return s.elem
	}
	return s.field(key)
}

// join puts together what several files state of one object. Unlike merge it has no order: stating a field twice is a mistake.
func (l *loader) join(s *shape, a, b *node) *node {
	if a == nil {
		return b
	}
	out := *a
	out.fields = nil
	for _, e := range a.fields {
		if v := b.get(e.key.text); v != nil {
			e = entry{e.key, l.joinField(s.part(e.key.text), e.val, v)}
		}
		out.fields = append(out.fields, e)
	}
	for _, e := range b.fields {
		if a.get(e.key.text) == nil {
			out.fields = append(out.fields, e)
		}
	}
	return &out
}

func (l *loader) joinField(s *shape, a, b *node) *node {
	if s.form == isObject || s.form == isMap {
		return l.join(s, a, b)
	}
	l.ps.at(b, "is stated before, at %s, and files have no order: keep one", a.pos)
	return a
}
