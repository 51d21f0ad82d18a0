package decide

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// virtualHost is the one that takes a host: the exact domain, the longest wildcard in front, the longest at the end, any.
func virtualHost(rc *route.RouteConfiguration, authority string) *route.VirtualHost {
	host := strings.ToLower(authority)
	if rc.IgnorePortInHostMatching {
		host = withoutPort(host)
	}
	var chosen *route.VirtualHost
	best := -1
	for _, candidate := range rc.VirtualHosts {
		for _, domain := range candidate.Domains {
			if rank := domainRank(strings.ToLower(domain), host); rank > best {
				chosen, best = candidate, rank
			}
		}
	}
	return chosen
}

func domainRank(domain, host string) int {
	const exact, suffix, prefix = 3 << 10, 2 << 10, 1 << 10
	switch {
	case domain == "*":
		return 0
	case strings.HasPrefix(domain, "*"):
		if strings.HasSuffix(host, domain[1:]) && len(host) > len(domain)-1 {
			return suffix + len(domain)
		}
	case strings.HasSuffix(domain, "*"):
		if strings.HasPrefix(host, domain[:len(domain)-1]) && len(host) > len(domain)-1 {
			return prefix + len(domain)
		}
	case domain == host:
		return exact
	}
	return -1
}

// matches tells whether all conditions of a route hold.
func matches(match *route.RouteMatch, m *message) (bool, error) {
	if len(match.DynamicMetadata) > 0 || match.Grpc != nil || match.TlsContext != nil || match.RuntimeFraction != nil {
		return false, fmt.Errorf("a match is not understood: %v", match)
	}
	if fits, err := pathFits(match, m); !fits || err != nil {
		return false, err
	}
	for _, header := range match.Headers {
		if fits, err := headerFits(header, m); !fits || err != nil {
			return false, err
		}
	}
	for _, parameter := range match.QueryParameters {
		value, present := m.parameter(parameter.Name)
		if !present {
			return false, nil
		}
		if text := parameter.GetStringMatch(); text != nil {
			if fits, err := textFits(text, value); !fits || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func pathFits(match *route.RouteMatch, m *message) (bool, error) {
	path := m.queryless()
	fold := match.GetCaseSensitive() != nil && !match.GetCaseSensitive().GetValue()
	same := func(a, b string) bool { return a == b || fold && strings.EqualFold(a, b) }
	switch specifier := match.PathSpecifier.(type) {
	case *route.RouteMatch_Prefix:
		n := len(specifier.Prefix)
		return len(path) >= n && same(path[:n], specifier.Prefix), nil
	case *route.RouteMatch_Path:
		return same(path, specifier.Path), nil
	case *route.RouteMatch_SafeRegex:
		return regexFits(specifier.SafeRegex.Regex, path)
	case *route.RouteMatch_PathSeparatedPrefix:
		n := len(specifier.PathSeparatedPrefix)
		return len(path) >= n && same(path[:n], specifier.PathSeparatedPrefix) && (len(path) == n || path[n] == '/'), nil
	}
	return false, fmt.Errorf("a path specifier is not understood: %v", match)
}

func headerFits(header *route.HeaderMatcher, m *message) (bool, error) {
	value, present := m.value(header.Name)
	switch specifier := header.HeaderMatchSpecifier.(type) {
	case *route.HeaderMatcher_PresentMatch:
		return (present == specifier.PresentMatch) != header.InvertMatch, nil
	case *route.HeaderMatcher_StringMatch:
		if !present && !header.TreatMissingHeaderAsEmpty {
			return false, nil
		}
		fits, err := textFits(specifier.StringMatch, value)
		return fits != header.InvertMatch, err
	case nil:
		return present != header.InvertMatch, nil
	}
	return false, fmt.Errorf("a header match is not understood: %v", header)
}

func textFits(text *matcher.StringMatcher, value string) (bool, error) {
	fold := func(s string) string {
		if text.IgnoreCase {
			return strings.ToLower(s)
		}
		return s
	}
	value = fold(value)
	switch pattern := text.MatchPattern.(type) {
	case *matcher.StringMatcher_Exact:
		return value == fold(pattern.Exact), nil
	case *matcher.StringMatcher_Prefix:
		return strings.HasPrefix(value, fold(pattern.Prefix)), nil
	case *matcher.StringMatcher_Suffix:
		return strings.HasSuffix(value, fold(pattern.Suffix)), nil
	case *matcher.StringMatcher_Contains:
		return strings.Contains(value, fold(pattern.Contains)), nil
	case *matcher.StringMatcher_SafeRegex:
		return regexFits(pattern.SafeRegex.Regex, value)
	}
	return false, fmt.Errorf("a text match is not understood: %v", text)
}

var (
	compiledMu sync.Mutex
	compiled   = map[string]*regexp.Regexp{}
)

// compile compiles an expression once. Go's syntax is that of RE2; "\C" aside.
func compile(expression string) (*regexp.Regexp, error) {
	compiledMu.Lock()
	defer compiledMu.Unlock()
	if known := compiled[expression]; known != nil {
		return known, nil
	}
	result, err := regexp.Compile(expression)
	if err == nil {
		compiled[expression] = result
	}
	return result, err
}

// regexFits tells whether the whole text fits.
func regexFits(expression, text string) (bool, error) {
	re, err := compile(`^(?:` + expression + `)$`)
	if err != nil {
		return false, err
	}
	// "$" without the flag m is the very end in Go.
	return re.MatchString(text), nil
}
