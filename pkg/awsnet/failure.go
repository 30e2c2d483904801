package awsnet

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/peerd/peerd/pkg/netstate"
)

// failure turns what the SDK returned for a call into an error of ours, nil into nil. unknown says that a write is out whose effect
// nobody knows.
func (c *client) failure(what string, err error, unknown bool) *netstate.Error {
	if err == nil {
		return nil
	}
	return &netstate.Error{Op: what, Scope: c.scope, Kind: kindOfError(err, unknown), Code: codeOf(err), Message: message(err)}
}

func kindOfError(err error, unknown bool) netstate.Kind {
	code := codeOf(err)
	switch {
	case unknown:
		return netstate.Ambiguous
	case code != "":
		return kindOf(operation(err), code)
	case is[*notReply](err):
		return netstate.Void
	case errors.Is(err, errStopped):
		return netstate.Stopped
	case is[*outOfTokens](err):
		return netstate.Throttled
	case errors.Is(err, context.Canceled), isTimeout(err), is[*smithyhttp.RequestSendError](err), errors.Is(err, errBudget), errors.Is(err, errUnsure):
		return netstate.Retry
	case is[*noCredentials](err):
		return netstate.Denied
	}
	return kindOfStatus(err)
}

// kindOfStatus judges a refusal in which there is no error of AWS: a proxy's, most likely.
func kindOfStatus(err error) netstate.Kind {
	switch status := statusOf(err); {
	case status >= 500:
		return netstate.Retry
	case status >= 300:
		return netstate.Void
	}
	if is[*smithy.DeserializationError](err) {
		return netstate.Void
	}
	return netstate.Invalid
}

// message returns AWS's own words, or the innermost cause's without the SDK's wrapping.
func message(err error) string {
	var api smithy.APIError
	status := statusOf(err)
	switch {
	case codeOf(err) != "" && errors.As(err, &api):
		if op := operation(err); op == "AssumeRole" || op == "GetCallerIdentity" {
			return op + ": " + api.ErrorMessage()
		}
		return api.ErrorMessage()
	case status >= 300 && is[*noCredentials](err): // the proxy of a network without instance metadata, say
		return fmt.Sprintf("no credentials: %s: HTTP status %d without an error of AWS in it", operation(err), status)
	case status >= 300:
		return fmt.Sprintf("HTTP status %d without an error of AWS in it", status)
	}
	return innermost(err).Error()
}

// innermost takes off the layers that only say which call it was.
func innermost(err error) error {
	for {
		switch err.(type) {
		case *smithy.OperationError, *retry.MaxAttemptsError, *smithyhttp.ResponseError, *smithyhttp.RequestSendError, *smithy.CanceledError, *url.Error:
			err = errors.Unwrap(err)
		default:
			if next := errors.Unwrap(err); next != nil && is[interface{ HTTPStatusCode() int }](err) && statusOf(err) < 300 {
				err = next
				continue
			}
			return err
		}
	}
}

// operation returns the name of the call that failed: the innermost, which may be the AssumeRole within another.
func operation(err error) string {
	name := ""
	for {
		var o *smithy.OperationError
		if !errors.As(err, &o) {
			return name
		}
		name, err = o.OperationName, o.Err
	}
}

func statusOf(err error) int {
	var r interface{ HTTPStatusCode() int }
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}

func is[T any](err error) bool {
	var t T
	return errors.As(err, &t)
}
