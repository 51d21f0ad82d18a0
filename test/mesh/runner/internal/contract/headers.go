package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Headers are request headers; in JSON a value is a string or a list of strings.
type Headers map[string][]string

// UnmarshalJSON accepts strings and lists.
func (h *Headers) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("headers: %w", err)
	}
	*h = Headers{}
	for name, value := range raw {
		var one string
		if json.Unmarshal(value, &one) == nil {
			(*h)[name] = []string{one}
			continue
		}
		var many []string
		if err := json.Unmarshal(value, &many); err != nil {
			return fmt.Errorf("header '%s' must be a string or a list of strings, got %s", name, value)
		}
		(*h)[name] = many
	}
	return nil
}

// OwnPrefix starts the names of the headers that the runner itself uses to tell requests apart.
const OwnPrefix = "x-mesh-"

// Names of the runner's own headers.
const (
	// KeyHeader ties log lines, arrivals and further calls to the request they belong to.
	KeyHeader = OwnPrefix + "key"
	// ShadowHeader marks the copies that a mirror policy makes.
	ShadowHeader = OwnPrefix + "shadow"
	// AnswerHeader names, in an answer, the arrival that it answers.
	AnswerHeader = OwnPrefix + "answer"
)

// Report turns headers into what is reported: lower-case names without the runner's own, values of one name joined,
// and apart from that the lists of those names that came more than once.
func Report(from http.Header) (headers map[string]string, repeated map[string][]string) {
	headers = map[string]string{}
	for name, values := range from {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, OwnPrefix) {
			continue
		}
		headers[name] = strings.Join(values, ", ")
		if len(values) > 1 {
			if repeated == nil {
				repeated = map[string][]string{}
			}
			repeated[name] = values
		}
	}
	return headers, repeated
}
