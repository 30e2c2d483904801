package control

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// calls are the log and what it sums up to.
type calls struct {
	Counts []count `json:"counts"`
	Calls  []call  `json:"calls"`
}

// call is one call of the log.
type call struct {
	Seq        int               `json:"seq"`
	Time       time.Time         `json:"time"`
	Account    string            `json:"account"`
	Region     string            `json:"region"`
	Service    string            `json:"service"`
	Action     string            `json:"action"`
	Params     map[string]string `json:"params,omitempty"`
	Mutating   bool              `json:"mutating"`
	DryRun     bool              `json:"dryRun,omitempty"`
	Code       string            `json:"code,omitempty"` // of the error answered; absent is success
	HTTPStatus int               `json:"httpStatus"`     // zero: the connection was cut or left hanging
	Fault      string            `json:"fault,omitempty"`
	Applied    bool              `json:"applied"` // the world was asked and agreed, whatever the client was told
}

// count is how often an action was called, per account and region.
type count struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Action  string `json:"action"`
	Calls   int    `json:"calls"`
	Errors  int    `json:"errors"` // answered with an error code
	Faults  int    `json:"faults"` // met by a fault
}

// listCalls gives the calls after a number, of one action if one is named.
func listCalls(sim *ec2sim.Sim, r *http.Request) (any, error) {
	q := r.URL.Query()
	if err := only(q, "since", "action"); err != nil {
		return nil, err
	}
	since, err := strconv.Atoi(cmp.Or(q.Get("since"), "0"))
	if err != nil || since < 0 {
		return nil, fmt.Errorf("since=%s is not the number of a call", q.Get("since"))
	}
	log := slices.DeleteFunc(sim.Calls(), func(c ec2sim.Call) bool { return c.Seq <= since || q.Has("action") && c.Action != q.Get("action") })
	out := calls{Counts: counted(log), Calls: []call{}}
	for _, c := range log {
		out.Calls = append(out.Calls, call{
			c.Seq, c.Time.UTC(), c.Account, c.Region, c.Service, c.Action, params(c.Params), c.Mutating, c.DryRun, c.Code, c.HTTPStatus, c.Fault, c.Applied,
		})
	}
	return out, nil
}

// params leaves out what every call says.
func params(v url.Values) map[string]string {
	out := map[string]string{}
	for name, values := range v {
		if name != "Action" && name != "Version" {
			out[name] = values[0]
		}
	}
	return out
}

func counted(log []ec2sim.Call) []count {
	at := map[count]int{}
	out := []count{}
	for _, c := range log {
		key := count{Account: c.Account, Region: c.Region, Action: c.Action}
		i, known := at[key]
		if !known {
			i = len(out)
			at[key], out = i, append(out, key)
		}
		out[i].Calls++
		if c.Code != "" {
			out[i].Errors++
		}
		if c.Fault != "" {
			out[i].Faults++
		}
	}
	slices.SortFunc(out, func(a, b count) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Action, b.Action))
	})
	return out
}
