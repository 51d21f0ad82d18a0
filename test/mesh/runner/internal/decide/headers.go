package decide

import (
	"maps"
	"slices"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// changes are the header operations of one level, in the order in which Envoy does them: removals, then what replaces,
// then what is added.
func changes(add []*core.HeaderValueOption, remove []string) []contract.HeaderChange {
	var all, added []contract.HeaderChange
	for _, name := range remove {
		all = append(all, contract.HeaderChange{Action: "remove", Name: strings.ToLower(name)})
	}
	for _, option := range add {
		change := contract.HeaderChange{Action: "add", Name: strings.ToLower(option.Header.Key), Value: literal(option.Header.Value)}
		if change.Value == "" && !option.KeepEmptyValue {
			continue
		}
		if option.AppendAction == core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			change.Action = "set"
			all = append(all, change)
		} else {
			added = append(added, change)
		}
	}
	return append(all, added...)
}

// literal is the text of a header value in which percent signs are doubled.
func literal(format string) string { return strings.ReplaceAll(format, "%%", "%") }

// inline are headers of which Envoy keeps one line.
var inline = map[string]bool{"user-agent": true}

// changed are headers after changes.
func changed(headers map[string][]string, all []contract.HeaderChange) map[string][]string {
	result := maps.Clone(headers)
	for _, change := range all {
		switch change.Action {
		case "remove":
			delete(result, change.Name)
		case "set":
			result[change.Name] = []string{change.Value}
		default:
			values := append(slices.Clone(result[change.Name]), change.Value)
			if inline[change.Name] {
				values = []string{strings.Join(values, ",")}
			}
			result[change.Name] = values
		}
	}
	return result
}
