package spec

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	rows := []struct{ word, candidates, want string }{
		{"requestor", "requester accepter name", "requester"},
		{"accpeter", "requester accepter name", "accepter"}, // neighbours swapped: one edit
		{"tpc", "tcp udp icmp", "tcp"},
		{"CIDRs", "cidrs id", "cidrs"},
		{"x", "a b", ""},
		{"id", "at by", ""},
		{"payments", "data hub", ""},
		{"ab", "ac ad", "ac"}, // the first in order of several
		{"", "a", ""},
	}
	for _, r := range rows {
		if got := nearest(r.word, strings.Fields(r.candidates)); got != r.want {
			t.Errorf("nearest(%q, %s) = %q, want %q", r.word, r.candidates, got, r.want)
		}
	}
}

// TestParse holds texts that are accepted (want empty) and words of the complaint about those that are not.
func TestParse(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name  string
		parse func(string) (any, error)
		text  string
		want  string
	}{
		{"region", parseRegion, "ap-southeast-3", ""},
		{"gov region", parseRegion, "us-gov-west-1", ""},
		{"region unheard of", parseRegion, "xx-new-place-12", ""},
		{"region upper case", parseRegion, "EU-WEST-1", "did you mean eu-west-1?"},
		{"region empty", parseRegion, "", "not a region"},
		{"name", parseName, "a.b_c-d", ""},
		{"name with hyphen at the end", parseName, "a-", ""},
		{"name with hyphen first", parseName, "-a", "not possible"},
		{"name empty", parseName, "", "not possible"},
		{"name of 63", parseName, strings.Repeat("a", 63), ""},
		{"label", parseLink, "core/a--b", ""},
		{"label of 200", parseLink, strings.Repeat("a", 200), ""},
		{"label of 201", parseLink, strings.Repeat("a", 201), "at most 200"},
		{"label empty", parseLink, "", "not possible"},
		{"owner with slash", parseOwner, "acme/net@eu", ""},
		{"owner of 129", parseOwner, strings.Repeat("a", 129), "at most 128"},
		{"cidr", parseCIDR, "0.0.0.0/0", ""},
		{"cidr with zone", parseCIDR, "fe80::1%eth0/64", "not a CIDR"},
		{"cidr with octal", parseCIDR, "10.01.0.0/16", "not a CIDR"},
		{"cidr length with sign", parseCIDR, "10.0.0.0/+8", "wrong length"},
		{"port 0", parsePorts, "0", ""},
		{"port range of one", parsePorts, "22-22", ""},
		{"port range with spaces", parsePorts, "8000 - 8100", ""},
		{"port with sign", parsePorts, "+22", "not a port"},
		{"port range open", parsePorts, "22-", "not a port"},
		{"port name", parsePorts, "ssh", "not a port"},
		{"protocol 0", parseProto, "0", ""},
		{"protocol with zero before", parseProto, "06", "not a protocol's number"},
		{"protocol negative", parseProto, "-2", "not a protocol's number"},
		{"group", parseGroup, "web servers (prod)", ""},
		{"group id of 8", parseGroup, "sg-0a1b2c3d", ""},
		{"group empty", parseGroup, "", "not the name"},
		{"description", parseDescription, "all of ._-:/()#,@[]+=&;{}!$*", ""},
		{"description with quote", parseDescription, `say "hi"`, "EC2 refuses"},
		{"description with percent", parseDescription, "50%", "EC2 refuses"},
		{"description with newline", parseDescription, "a\nb", "EC2 refuses"},
		{"description empty", parseDescription, "", ""},
		{"session", parseSession, "12h", ""},
		{"session too short", parseSession, "14m59s", "15m to 12h"},
		{"time", parseTime, "2026-12-01T02:00:00+02:00", ""},
		{"time without zone", parseTime, "2026-12-01T02:00:00", "not a time"},
		{"reason blank", parseReason, "  ", "blank"},
		{"reason of two lines", parseReason, "a\nb", "one line"},
		{"tag value empty", parseTagValue, "", ""},
		{"tag key AWS", parseOwnTagKey, "AWS:x", "kept for AWS"},
		{"tag key to match", parseTagKey, "aws:cloudformation:stack-name", ""},
		{"external id too short", parseExternal, "x", "not an external id"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.parse(r.text)
			switch {
			case err == nil && r.want != "":
				t.Errorf("%q is accepted", r.text)
			case err != nil && (r.want == "" || !strings.Contains(err.Error(), r.want)):
				t.Errorf("%q: %v, want %q", r.text, err, r.want)
			}
		})
	}
}

// TestShapes goes through the description of the format: what a JSON Schema is made of says all it must.
func TestShapes(t *testing.T) {
	t.Parallel()
	seen := map[*shape]bool{}
	var visit func(path string, s *shape)
	visit = func(path string, s *shape) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		if s.what == "" {
			t.Errorf("%s does not say what it is", path)
		}
		for _, f := range s.fields {
			if f.doc == "" || !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s.%s has no sentence", path, f.name)
			}
			visit(path+"."+f.name, f.shape)
		}
		visit(path+"[]", s.elem)
		visit(path+" key", s.key)
		for k, u := range s.union {
			visit(path+" as "+k.String(), u)
		}
	}
	visit("document", documentShape)
	if len(seen) < 50 {
		t.Errorf("only %d shapes", len(seen))
	}
}
