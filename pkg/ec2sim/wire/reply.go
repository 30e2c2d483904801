package wire

import (
	"net/http"
	"strings"
)

// The two name spaces, which are also the API versions a request must name.
const (
	EC2Version = "2016-11-15"
	STSVersion = "2011-06-15"
)

// EC2 is the body of a successful EC2 call: the members stand directly below the root.
func EC2(action, requestID string, members []Node) []byte {
	return document(Node{
		name: action + `Response xmlns="http://ec2.amazonaws.com/doc/` + EC2Version + `/"`,
		kids: append([]Node{Text("requestId", requestID)}, members...),
	})
}

// STS is the body of a successful STS call: the members stand inside a Result.
func STS(action, requestID string, members []Node) []byte {
	return document(Node{
		name: action + `Response xmlns="https://sts.amazonaws.com/doc/` + STSVersion + `/"`,
		kids: []Node{
			Group(action+"Result", members...),
			Group("ResponseMetadata", Text("RequestId", requestID)),
		},
	})
}

// Failure is the error body of a service. EC2 spells it RequestID here, and requestId in success.
func Failure(service string, e *Error, requestID string) []byte {
	if service == "sts" {
		kind := "Sender"
		if Status(service, e.Code) >= 500 {
			kind = "Receiver"
		}
		return document(Node{name: `ErrorResponse xmlns="https://sts.amazonaws.com/doc/` + STSVersion + `/"`, kids: []Node{
			Group("Error", Text("Type", kind), Text("Code", e.Code), Text("Message", e.Message)),
			Text("RequestId", requestID),
		}})
	}
	return document(Group("Response",
		Group("Errors", Group("Error", Text("Code", e.Code), Text("Message", e.Message))),
		Text("RequestID", requestID)))
}

// Status is the HTTP status that goes with an error code: 400 for nearly every client error (EC2 Developer Guide,
// "Error codes"; for the exceptions see the query API's common errors).
func Status(service, code string) int {
	switch code {
	case "AuthFailure":
		return http.StatusUnauthorized
	case "UnauthorizedOperation", "OptInRequired", "Blocked":
		return http.StatusForbidden
	case "DryRunOperation":
		return http.StatusPreconditionFailed
	case "RequestLimitExceeded", "Unavailable", "ServiceUnavailable":
		return http.StatusServiceUnavailable
	case "InternalError", "InternalFailure":
		return http.StatusInternalServerError
	}
	if service == "sts" && stsForbidden(code) {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

func stsForbidden(code string) bool {
	switch code {
	case "AccessDenied", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "MissingAuthenticationToken",
		"IncompleteSignature", "RegionDisabledException":
		return true
	}
	return strings.HasPrefix(code, "AccessDenied")
}
