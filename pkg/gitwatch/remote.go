package gitwatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// session is one conversation with git-upload-pack at the other end: what it has, and one pack of it.
type session interface {
	refs(context.Context) (*packp.AdvRefs, error)
	pack(ctx context.Context, request []byte) (io.ReadCloser, error)
	close()
}

// remote is a repository at a server, as it is at one fetch. What arrives is added to a copy that lives as long as the Watcher.
type remote struct {
	dial   func(context.Context) (session, error)
	branch plumbing.ReferenceName
	limits Limits
	copy   *copied

	session    session // nil: none is open
	advertised *packp.AdvRefs
}

// connect opens a conversation, unless one is open.
func (r *remote) connect(ctx context.Context) error {
	if r.session != nil {
		return nil
	}
	s, err := r.dial(ctx)
	if err != nil {
		return err
	}
	r.session = s
	r.advertised, err = s.refs(ctx)
	return err
}

// decodeRefs reads what a server has. An empty repository has nothing.
func decodeRefs(r io.Reader) (*packp.AdvRefs, error) {
	refs := packp.NewAdvRefs()
	switch err := refs.Decode(r); {
	case errors.Is(err, packp.ErrEmptyInput):
		return nil, errors.New("the server says nothing")
	case err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, err
	}
	return refs, nil
}

func (r *remote) head(ctx context.Context) (plumbing.Hash, error) {
	if err := r.connect(ctx); err != nil {
		return plumbing.ZeroHash, err
	}
	head, found := r.advertised.References[string(r.branch)]
	if !found {
		return plumbing.ZeroHash, noBranch(r.branch, len(r.advertised.References) == 0)
	}
	return head, nil
}

func (r *remote) deepen(ctx context.Context, head plumbing.Hash, commits int) error {
	if r.copy.tip == head && r.copy.depth >= commits {
		return nil
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	defer r.close() // a pack ends the conversation
	shallow := r.advertised.Capabilities.Supports(capability.Shallow)
	if !shallow {
		commits = math.MaxInt // that server sends the whole history
	}
	pack, err := r.receive(ctx, r.request(head, commits, shallow))
	if err != nil {
		return fmt.Errorf("receive commit %s: %w", head, err)
	}
	arrived, err := r.copy.unpack(ctx, pack, r.limits)
	if err != nil {
		return fmt.Errorf("unpack commit %s: %w", head, err)
	}
	return r.copy.take(ctx, arrived, head, commits, shallow)
}

// request asks for a commit and so many down from it, less what the copy has: the files of its tip. That it has no more than these is what
// "shallow" tells the server, which else would leave out what the tip's ancestors have; and only for a thin pack, one whose objects may be
// differences from ours, does it look at what the tip has when its history is cut off.
func (r *remote) request(head plumbing.Hash, commits int, shallow bool) *packp.UploadPackRequest {
	req := packp.NewUploadPackRequest()
	req.Wants = []plumbing.Hash{head}
	has, ask := r.advertised.Capabilities, req.Capabilities
	for _, c := range []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.ThinPack, capability.NoProgress} {
		if has.Supports(c) {
			_ = ask.Set(c) // it has no argument that could be wrong
		}
	}
	if shallow {
		_ = ask.Set(capability.Shallow)
		req.Depth = packp.DepthCommits(commits)
	}
	if r.copy.tip == head && has.Supports(capability.Filter) {
		_ = ask.Set(capability.Filter)
		req.Filter = packp.FilterTreeDepth(0) // of its history, the commits alone
	}
	if !r.copy.tip.IsZero() {
		req.Haves = []plumbing.Hash{r.copy.tip}
		if shallow {
			req.Shallows = req.Haves
		}
	}
	return req
}

// receive returns the pack that answers a request.
func (r *remote) receive(ctx context.Context, req *packp.UploadPackRequest) ([]byte, error) {
	var request bytes.Buffer
	err := errors.Join(req.UploadRequest.Encode(&request), req.UploadHaves.Encode(&request, false), pktline.NewEncoder(&request).EncodeString("done\n"))
	if err != nil {
		return nil, err
	}
	body, err := r.session.pack(ctx, request.Bytes())
	if err != nil {
		return nil, err
	}
	defer body.Close() // only read: nothing is lost by an error here
	answer := packp.NewUploadPackResponse(req)
	if err := answer.Decode(body); err != nil {
		return nil, err
	}
	if req.Capabilities.Supports(capability.Sideband64k) {
		return io.ReadAll(sideband.NewDemuxer(sideband.Sideband64k, answer))
	}
	return io.ReadAll(answer)
}

func (r *remote) objects() objects { return objects{r.copy.store} }

func (r *remote) close() {
	if r.session != nil {
		r.session.close()
		r.session = nil
	}
}
