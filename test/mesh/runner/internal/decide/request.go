package decide

import (
	"fmt"
	"net/url"
	"strings"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// message is a request as Envoy's filters see it.
type message struct {
	method string
	scheme string
	// proto is what x-forwarded-proto says, whether or not that is a scheme.
	proto     string
	authority string
	path      string // with query
	headers   map[string][]string
}

// received is what the proxy makes of a request before it looks for a route. A sidecar believes its own pod about the
// scheme, a gateway believes nobody.
func received(r contract.Request, normalize, trusted bool) message {
	m := message{method: r.Method, scheme: "http", authority: r.Host, path: r.Path, headers: map[string][]string{}}
	if r.Port != 80 && r.Port != 443 {
		m.authority = fmt.Sprintf("%s:%d", r.Host, r.Port)
	}
	for name, values := range r.Headers {
		name = strings.ToLower(name)
		if name == "host" {
			m.authority = values[0]
			continue
		}
		for _, value := range values {
			m.headers[name] = append(m.headers[name], strings.Trim(value, " \t"))
		}
	}
	if r.TLS {
		m.scheme = "https"
	}
	m.proto = m.scheme
	if proto := m.headers["x-forwarded-proto"]; trusted && len(proto) == 1 {
		m.proto = proto[0]
		if proto[0] == "http" || proto[0] == "https" {
			m.scheme = proto[0]
		}
	}
	m.path, _, _ = strings.Cut(m.path, "#")
	if normalize {
		m.path = normalized(m.path)
	}
	return m
}

// normalized is a path with query of which the path is normalized.
func normalized(full string) string {
	path, query, found := strings.Cut(full, "?")
	path = normalizePath(path)
	if found {
		return path + "?" + query
	}
	return path
}

// value is what matchers see of a header: all its lines in one.
func (m *message) value(name string) (string, bool) {
	switch name = strings.ToLower(name); name {
	case ":method":
		return m.method, true
	case ":scheme":
		return m.scheme, true
	case ":authority", "host":
		return m.authority, true
	case ":path":
		return m.path, true
	}
	values, ok := m.headers[name]
	separator := ","
	if name == "cookie" {
		separator = "; "
	}
	return strings.Join(values, separator), ok
}

// queryless is the path that path matchers see.
func (m *message) queryless() string {
	path, _, _ := strings.Cut(m.path, "?")
	return path
}

// parameter is the first value of a query parameter, undecoded.
func (m *message) parameter(name string) (string, bool) {
	_, query, _ := strings.Cut(m.path, "?")
	for _, pair := range strings.Split(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key == name && pair != "" {
			return value, true
		}
	}
	return "", false
}

// withoutPort takes off a host what stands behind its last colon; Envoy does not ask whether that is a number.
func withoutPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.LastIndexByte(host, ']') > i {
		return host
	}
	return host[:i]
}

// normalizePath does to a path what RFC 3986 says: it resolves dots, and takes the percent signs off what needs none.
func normalizePath(path string) string {
	var plain strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '\\':
			plain.WriteByte('/')
		case c == '%' && i+2 < len(path):
			decoded, err := url.PathUnescape(path[i : i+3])
			if err == nil && unreserved(decoded[0]) {
				plain.WriteString(decoded)
			} else {
				plain.WriteString(path[i : i+3])
			}
			i += 2
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>`{}", c) >= 0:
			fmt.Fprintf(&plain, "%%%02X", c)
		default:
			plain.WriteByte(c)
		}
	}
	var kept []string
	parts := strings.Split(strings.TrimPrefix(plain.String(), "/"), "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch part {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, part)
		}
	}
	return "/" + strings.Join(kept, "/")
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
