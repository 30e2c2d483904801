package world

import "time"

// Status is a connection's status code.
type Status string

// The status codes of a connection (VPC Peering Guide, "VPC peering connection lifecycle").
const (
	Initiating   Status = "initiating-request"
	Pending      Status = "pending-acceptance"
	Provisioning Status = "provisioning"
	Active       Status = "active"
	Deleting     Status = "deleting"
	Deleted      Status = "deleted"
	Rejected     Status = "rejected"
	Failed       Status = "failed"
	Expired      Status = "expired"
)

// Terminal says whether nothing can become of the connection any more.
func (s Status) Terminal() bool {
	switch s {
	case Deleting, Deleted, Rejected, Failed, Expired:
		return true
	}
	return false
}

// Living says whether the connection is on its way to active, or there.
func (s Status) Living() bool {
	switch s {
	case Initiating, Pending, Provisioning, Active:
		return true
	}
	return false
}

// How long a request waits, and how long a connection stays visible after its end (VPC Peering Guide, "VPC peering connection
// lifecycle").
const (
	waits        = 7 * 24 * time.Hour
	shortAfter   = 2 * time.Hour
	longAfter    = 2 * 24 * time.Hour
	failedReason = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"
)

// Status works the status out of what has happened by now. Later events come first, because each of them ends all before it.
func (c *Connection) Status(now time.Time) Status {
	switch {
	case c.Pinned != "":
		return c.Pinned
	case past(c.Deleted, now):
		return Deleted
	case past(c.Deleting, now):
		return Deleting
	case past(c.Failed, now):
		return Failed
	case past(c.Rejected, now):
		return Rejected
	case past(c.Active, now):
		return Active
	case past(c.Accepted, now):
		return Provisioning
	case now.Before(c.Pending):
		return Initiating
	case past(c.Expires, now):
		return Expired
	}
	return Pending
}

// Reason is the text beside the status. AWS's texts for rejected, expired and deleting are not documented.
func (c *Connection) Reason(now time.Time) string {
	if c.Message != "" {
		return c.Message
	}
	accepter := c.Ends[Accepter].Account
	switch c.Status(now) {
	case Initiating:
		return "Initiating Request to " + accepter
	case Pending:
		return "Pending Acceptance by " + accepter
	case Provisioning:
		return "Provisioning"
	case Active:
		return "Active"
	case Failed:
		return failedReason
	case Deleted:
		return "Deleted by " + c.DeletedBy
	case Rejected:
		return "Rejected by " + accepter
	case Expired:
		return "Expired"
	case Deleting:
		return "Deleting"
	}
	return ""
}

// VisibleTo says whether one side sees the connection: not yet before it reached that side, no more once its afterlife is over.
func (c *Connection) VisibleTo(side Side, now time.Time) bool {
	if now.Before(c.Seen[side]) {
		return false
	}
	end, status := c.ended(now)
	return end.IsZero() || now.Before(end.Add(c.afterlife(side, status)))
}

// ended is when and as what the connection came to its end; zero if it has not.
func (c *Connection) ended(now time.Time) (time.Time, Status) {
	switch s := c.Status(now); {
	case c.Pinned != "":
		return time.Time{}, s
	case s == Deleted:
		return c.Deleted, s
	case s == Failed:
		return c.Failed, s
	case s == Rejected:
		return c.Rejected, s
	case s == Expired:
		return c.Expires, s
	}
	return time.Time{}, ""
}

// afterlife is how long a side goes on seeing a connection that has ended.
//
//	          requester   accepter    both of one account
//	failed    2 h         –           2 h
//	expired   2 days      2 days      2 days
//	rejected  2 days      2 h         2 h
//	deleted   2 h for who deleted it, 2 days for the other; 2 h
func (c *Connection) afterlife(side Side, ended Status) time.Duration {
	oneAccount := c.Ends[Requester].Account == c.Ends[Accepter].Account
	switch {
	case ended == Expired:
		return longAfter
	case ended == Failed && side == Accepter:
		return 0
	case ended == Failed, oneAccount:
		return shortAfter
	case ended == Rejected && side == Accepter, ended == Deleted && c.DeletedBy == c.Ends[side].Account:
		return shortAfter
	}
	return longAfter
}
