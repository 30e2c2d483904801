package iampolicy

import (
	"io"

	"github.com/peerd/peerd/pkg/netstate"
)

// JSON writes the set as one JSON document. Fields are only ever added to its shape.
func JSON(w io.Writer, s Set) error {
	out := setJSON{FormatVersion: 1, Owner: s.Owner, Prune: s.Prune, Notes: []string{Unverified}, Caller: s.Caller(), Accounts: []accountJSON{}}
	for _, a := range s.Accounts {
		j := accountJSON{Account: a.Name, ID: a.ID, Notes: a.Notes, Roles: []roleJSON{}, Policies: policiesJSON{a.Read, a.Write}}
		for _, r := range a.Roles {
			j.Roles = append(j.Roles, roleJSON{r.ARN, r.policies()})
		}
		if len(a.Roles) > 0 {
			j.Trust = &a.Trust
		}
		out.Accounts = append(out.Accounts, j)
	}
	text, err := encode(out, "", "  ")
	if err == nil {
		_, err = io.WriteString(w, text+"\n")
	}
	return err
}

// policies names what a role carries: the writing one reads too.
func (r Role) policies() []string {
	if r.Writes {
		return []string{"read", "write"}
	}
	return []string{"read"}
}

type setJSON struct {
	FormatVersion int              `json:"formatVersion"`
	Owner         netstate.OwnerID `json:"owner"`
	Prune         bool             `json:"prune"`
	Notes         []string         `json:"notes"`
	Accounts      []accountJSON    `json:"accounts"`
	Caller        Policy           `json:"caller"` // of whoever runs peerd
}

type accountJSON struct {
	Account  string             `json:"account"`
	ID       netstate.AccountID `json:"id"`
	Notes    []string           `json:"notes"`
	Roles    []roleJSON         `json:"roles"`
	Policies policiesJSON       `json:"policies"`
	Trust    *Policy            `json:"trust,omitempty"` // of each role
}

type roleJSON struct {
	ARN      string   `json:"arn"`
	Policies []string `json:"policies"`
}

type policiesJSON struct {
	Read  Policy `json:"read"`
	Write Policy `json:"write"`
}
