package ec2sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// paging is what a Describe call says of pages.
type paging struct {
	size  *int
	token string
	least int  // the smallest page the call allows
	most  int  // the largest
	ids   bool // ids were named
	set   string
}

// pages reads the paging parameters of a call whose list is called set and takes at most most items a page. The smallest page
// is five items for nearly all of them.
func pages(f wire.Form, set string, most int, ids []string) paging {
	return paging{size: f.Int("MaxResults"), token: f.Str("NextToken"), least: 5, most: most, ids: len(ids) > 0, set: set}
}

// page cuts one page out of a listing that is sorted by key. A token holds the last key of the page before it, so that what is
// made or removed between two pages moves nothing else.
func page[T any](q *request, p paging, items []T, key func(T) string, each func(T) []wire.Node) ([]wire.Node, *world.Error) {
	if err := p.check(q.world.Switches); err != nil {
		return nil, err
	}
	after, err := q.open(p.token)
	if err != nil {
		return nil, err
	}
	for len(items) > 0 && p.token != "" && key(items[0]) <= after {
		items = items[1:]
	}
	next := ""
	if n := p.holds(len(items), q.world.Switches); n < len(items) {
		items = items[:n]
		if n > 0 {
			after = key(items[n-1])
		}
		next = q.seal(after)
	}
	items, next = spoilPage(q, items, next, p.token)
	return []wire.Node{wire.Set(p.set, items, each), wire.Opt("nextToken", next)}, nil
}

// holds is how many of the items left this page holds. A page may have fewer than were asked for, or none and yet a token (EC2 Developer
// Guide, "Pagination").
func (p paging) holds(left int, sw world.Switches) int {
	short := sw.Pages == "short"
	size := p.most
	switch {
	case p.size == nil && p.token == "", sw.IgnorePageSize:
		return left
	case short && p.token == "":
		return 0
	case p.size != nil:
		size = *p.size
	}
	if short {
		size = max(1, size/2)
	}
	return min(left, size)
}

func (p paging) check(sw world.Switches) *world.Error {
	switch {
	case p.size != nil && p.ids && sw.IDsWithMaxResults != "allow":
		return &world.Error{Code: "InvalidParameterCombination", Message: fmt.Sprintf("The parameter %s cannot be used with the parameter maxResults", p.set)}
	case p.size != nil && *p.size < p.least:
		return badSize(*p.size, fmt.Sprintf("greater than %d", p.least))
	case p.size != nil && *p.size > p.most:
		return badSize(*p.size, fmt.Sprintf("less than %d", p.most))
	}
	return nil
}

func badSize(size int, expecting string) *world.Error {
	return &world.Error{Code: "InvalidParameterValue", Message: fmt.Sprintf("Value ( %d ) for parameter maxResults is invalid. Expecting a value %s.", size, expecting)}
}

// spoilPage repeats a token, or loses an item, where a fault says so.
func spoilPage[T any](q *request, items []T, next, token string) ([]T, string) {
	rule, hit := q.sim.faults.Fire(q.faultCall(), func(r fault.Rule) bool {
		return q.call.Fault == "" && (r.Kind == fault.DropItem && next != "" && len(items) > 0 || r.Kind == fault.RepeatToken && token != "")
	})
	if !hit {
		return items, next
	}
	q.call.Fault = string(rule.Kind)
	if rule.Kind == fault.DropItem {
		return items[:len(items)-1], next
	}
	return items, token
}

// seal makes a token that only this listing, with the same filters, accepts again.
func (q *request) seal(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(q.mac(key) + key))
}

// open gives back the key inside a token.
func (q *request) open(token string) (string, *world.Error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < macLen || q.mac(string(b[macLen:])) != string(b[:macLen]) {
		return "", &world.Error{Code: "InvalidNextToken", Message: "The token '" + token + "' is invalid"}
	}
	return string(b[macLen:]), nil
}

const macLen = 16

func (q *request) mac(key string) string {
	v := url.Values{}
	for k, vs := range q.call.Params {
		if k != "NextToken" && k != "MaxResults" {
			v[k] = vs
		}
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{q.at.Scope.String(), v.Encode(), key}, "\x00")))
	return hex.EncodeToString(sum[:])[:macLen]
}
