package decide

import (
	"fmt"
	"regexp"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// rewritten is the path that a route makes of the request's, with query.
func rewritten(action *route.RouteAction, match *route.RouteMatch, m *message) (string, error) {
	path := m.queryless()
	query := m.path[len(path):]
	if rewrite := action.GetRegexRewrite(); rewrite != nil {
		re, err := compile(rewrite.GetPattern().GetRegex())
		if err != nil {
			return "", err
		}
		return re.ReplaceAllString(path, substitution(rewrite.Substitution)) + query, nil
	}
	if action.PrefixRewrite == "" {
		return m.path, nil
	}
	return action.PrefixRewrite + path[matched(match, path):] + query, nil
}

// matched is how much of the path a match took: what rewriting a prefix replaces.
func matched(match *route.RouteMatch, path string) int {
	switch specifier := match.PathSpecifier.(type) {
	case *route.RouteMatch_Prefix:
		return len(specifier.Prefix)
	case *route.RouteMatch_PathSeparatedPrefix:
		return len(specifier.PathSeparatedPrefix)
	}
	return len(path)
}

var backReference = regexp.MustCompile(`\\(\\|\d)`)

// substitution writes RE2's references as Go does.
func substitution(text string) string {
	return backReference.ReplaceAllStringFunc(strings.ReplaceAll(text, "$", "$$"), func(reference string) string {
		if reference == `\\` {
			return `\`
		}
		return "${" + reference[1:] + "}"
	})
}

var redirectStatus = map[route.RedirectAction_RedirectResponseCode]int{
	route.RedirectAction_MOVED_PERMANENTLY: 301, route.RedirectAction_FOUND: 302, route.RedirectAction_SEE_OTHER: 303,
	route.RedirectAction_TEMPORARY_REDIRECT: 307, route.RedirectAction_PERMANENT_REDIRECT: 308,
}

// location is where a redirect points to.
func location(redirect *route.RedirectAction, match *route.RouteMatch, m *message) string {
	scheme := m.scheme
	if redirect.GetHttpsRedirect() {
		scheme = "https"
	} else if redirect.GetSchemeRedirect() != "" {
		scheme = redirect.GetSchemeRedirect()
	}
	port := ""
	if redirect.PortRedirect != 0 {
		port = fmt.Sprintf(":%d", redirect.PortRedirect)
	}
	host := redirect.HostRedirect
	if host == "" {
		host = hostOf(m, scheme, port)
	}
	path := m.queryless()
	query := m.path[len(path):]
	if redirect.StripQuery {
		query = ""
	}
	if prefix := redirect.GetPrefixRewrite(); prefix != "" {
		path = prefix + path[matched(match, path):]
	} else if whole := redirect.GetPathRedirect(); whole != "" {
		if path = whole; strings.Contains(whole, "?") {
			query = ""
		}
	}
	return scheme + "://" + host + port + path + query
}

// hostOf is the request's host, without its port if that is said otherwise or was the old scheme's.
func hostOf(m *message, scheme, port string) string {
	i := strings.LastIndexByte(m.authority, ':')
	if i < 0 {
		return m.authority
	}
	old := m.authority[i:]
	if port != "" || scheme != m.proto && (m.proto == "https" && old == ":443" || m.proto == "http" && old == ":80") {
		return m.authority[:i]
	}
	return m.authority
}
