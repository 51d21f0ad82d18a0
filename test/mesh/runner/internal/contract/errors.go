package contract

import "fmt"

// The kinds of errors that a user can cause; everything else is "internal".
const (
	// KindInput is bad input: unreadable files, unknown fields, impossible requests.
	KindInput = "input"
	// KindRejected means that Istio refuses an object.
	KindRejected = "rejected"
	// KindRefused means that Envoy refuses what istiod made of the objects, or does not start.
	KindRefused = "refused"
	// KindInternal is a fault of the runner.
	KindInternal = "internal"
)

// Error is an error that reaches the user.
type Error struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	// Objects are those that Istio rejects.
	Objects []Verdict `json:"objects,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Inputf makes an error of kind "input".
func Inputf(format string, args ...any) *Error {
	return &Error{Kind: KindInput, Message: fmt.Sprintf(format, args...)}
}

// Refusedf makes an error of kind "refused".
func Refusedf(format string, args ...any) *Error {
	return &Error{Kind: KindRefused, Message: fmt.Sprintf(format, args...)}
}
