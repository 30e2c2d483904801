package awsnet

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// Bounds of one listing: EC2 takes at most 200 values per filter (EC2 User Guide, "List and filter"); the number of pages is ours.
const (
	filterValues = 200
	mostPages    = 1000
)

// pages is one paginated list call: what a page is got with, and what tells two items apart.
type pages[T any] struct {
	id   func(T) string
	next func(ctx context.Context, token *string) (items []T, following *string, err error)
}

// list reads a listing to its end. A listing is whole or void: an error on any page, a token seen before, or too many pages void all of
// it. An item that shows up twice is one item.
func list[T any](ctx context.Context, c *client, what string, p pages[T]) ([]T, *netstate.Error) {
	var all []T
	var token *string
	seen, tokens := map[string]bool{}, map[string]bool{}
	for n := 1; ; n++ {
		var items []T
		var following *string
		err := c.look(ctx, what, func(ctx context.Context) (err error) {
			items, following, err = p.next(ctx, token)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if id := p.id(item); !seen[id] {
				seen[id] = true
				all = append(all, item)
			}
		}
		switch t := aws.ToString(following); {
		case t == "":
			return all, nil
		case tokens[t]:
			return nil, c.failure(what, &notReply{fmt.Sprintf("page %d names the same next page again", n)}, false)
		case n == mostPages:
			return nil, c.failure(what, &notReply{fmt.Sprintf("more than %d pages", mostPages)}, false)
		default:
			tokens[t], token = true, following
		}
	}
}

// filtered reads a listing once per 200 values of a filter and joins the results.
func filtered[T any, V ~string](values []V, list func(types.Filter) ([]T, *netstate.Error), filter string) ([]T, *netstate.Error) {
	var all []T
	for chunk := range slices.Chunk(unique(values), filterValues) {
		items, err := list(types.Filter{Name: &filter, Values: chunk})
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

// unique returns the values as strings, sorted and without repeats.
func unique[V ~string](values []V) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, string(v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func tagsOf(in []types.Tag) netstate.Tags {
	out := make(netstate.Tags, len(in))
	for _, t := range in {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// ours reports whether an owner id that a reply shows is the scope's account, or is not shown.
func (c *client) ours(owner *string) bool {
	return aws.ToString(owner) == "" || netstate.AccountID(*owner) == c.scope.Account
}
