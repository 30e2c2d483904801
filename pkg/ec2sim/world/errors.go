package world

import "fmt"

// Error is a refusal in EC2's words (EC2 Developer Guide, "Error codes").
type Error struct{ Code, Message string }

// Error joins code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

func missing(parameter string) *Error {
	return refuse("MissingParameter", "The request must contain the parameter %s", parameter)
}

func invalid(format string, args ...any) *Error {
	return refuse("InvalidParameterValue", format, args...)
}
