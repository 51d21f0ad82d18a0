package traffic

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// dial connects as the sender would: through its own proxy, which learns by the PROXY protocol where the sender meant to
// connect to (iptables and the original destination in a real pod), or directly.
func (t *Traffic) dial(ctx context.Context, from plan.Source, host string, port int, encrypted bool) (net.Conn, error) {
	way := t.state.Load().plan.Way(from, host, port, encrypted)
	if way == nil {
		return nil, fmt.Errorf("nobody planned for %s:%d from %s", host, port, from.Proxy.ID())
	}
	if len(way.Addresses) == 0 {
		return nil, syscall.ECONNREFUSED
	}
	turn := int(t.turn.Add(1))
	dialer := &net.Dialer{}
	if len(way.Destinations) == 0 {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(way.Local)}
	}
	connection, err := dialer.DialContext(ctx, "tcp", way.Addresses[turn%len(way.Addresses)])
	if err != nil || len(way.Destinations) == 0 {
		return connection, err
	}
	destination, err := net.ResolveTCPAddr("tcp", way.Destinations[turn%len(way.Destinations)])
	if err != nil {
		return nil, err
	}
	local := connection.LocalAddr().(*net.TCPAddr)
	_, err = fmt.Fprintf(connection, "PROXY TCP4 %s %s %d %d\r\n", way.Local, destination.IP, local.Port, destination.Port)
	return connection, err
}

// transport keeps a sender's connections. Without a proxy of its own a sender uses each connection once, because
// Kubernetes balances connections, not requests.
func (t *Traffic) transport(from plan.Source, clientCertificate string) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := from.Key() + " " + clientCertificate
	if known := t.transports[key]; known != nil && !from.Plain {
		return known
	}
	dial := func(ctx context.Context, address string, encrypted bool) (net.Conn, string, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, "", err
		}
		number, err := net.LookupPort("tcp", port)
		if err != nil {
			return nil, "", err
		}
		connection, err := t.dial(ctx, from, host, number, encrypted)
		return connection, host, err
	}
	transport := &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: 1 << 10, IdleConnTimeout: time.Minute,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			connection, _, err := dial(ctx, address, false)
			return connection, err
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			connection, host, err := dial(ctx, address, true)
			if err != nil {
				return nil, err
			}
			return t.encrypt(ctx, connection, host, clientCertificate)
		},
	}
	if !from.Plain {
		t.transports[key] = transport
	}
	return transport
}

// encrypt speaks TLS on a connection, and takes any certificate: which one it was stands in the report.
func (t *Traffic) encrypt(ctx context.Context, connection net.Conn, host, clientCertificate string) (net.Conn, error) {
	config := &tls.Config{ServerName: host, InsecureSkipVerify: true}
	if clientCertificate != "" {
		certificate, err := t.planner.Certificates.Client(clientCertificate)
		if err != nil {
			return nil, err
		}
		// Whatever authorities the server names: it shall say itself that it does not take the certificate.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	encrypted := tls.Client(connection, config)
	return encrypted, encrypted.HandshakeContext(ctx)
}

// once is an empty body that cannot be sent again: without it, net/http would silently repeat a GET on a connection
// that turns out to be dead.
type once struct{ io.Reader }

func (once) Close() error { return nil }

// answer is what a caller got.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem string
	// certificate is what the other side called itself, if it spoke TLS.
	certificate string
}

// exchange sends one request and reads the answer.
func (t *Traffic) exchange(ctx context.Context, from plan.Source, call contract.Call, key string) answer {
	request, err := newRequest(ctx, call, key)
	if err != nil {
		return answer{problem: problem(err)}
	}
	if call.TLS {
		request.URL.Scheme = "https"
	}
	transport := t.transport(from, call.ClientCertificate)
	if from.Plain {
		defer transport.CloseIdleConnections()
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return answer{problem: problem(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	result := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if response.TLS != nil {
		result.certificate = response.TLS.PeerCertificates[0].Subject.CommonName
	}
	if err != nil {
		result.problem = problem(err)
	}
	return result
}

func newRequest(ctx context.Context, call contract.Call, key string) (*http.Request, error) {
	var body io.Reader = once{strings.NewReader("")}
	if call.Body != "" {
		body = once{strings.NewReader(call.Body)}
	}
	// The path is sent as it is written.
	target := &url.URL{Scheme: "http", Host: net.JoinHostPort(call.Host, fmt.Sprint(call.Port)), Opaque: call.Path}
	if strings.HasPrefix(call.Path, "//") {
		// As an opaque part that would be a host.
		path, query, _ := strings.Cut(call.Path, "?")
		unescaped, err := url.PathUnescape(path)
		if err != nil {
			return nil, err
		}
		target.Opaque, target.Path, target.RawPath, target.RawQuery = "", unescaped, path, query
	}
	request, err := http.NewRequestWithContext(ctx, call.Method, "http://placeholder/", body)
	if err != nil {
		return nil, err
	}
	if call.Body != "" {
		request.ContentLength = int64(len(call.Body))
	} else if call.Method != http.MethodGet && call.Method != http.MethodHead && call.Method != http.MethodOptions {
		request.Body = http.NoBody
	}
	request.URL = target
	request.Host = hostHeader(call)
	request.Header = http.Header{"User-Agent": {""}}
	for name, values := range call.Headers {
		if strings.EqualFold(name, "host") {
			request.Host = values[0]
			continue
		}
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	request.Header.Set(contract.KeyHeader, key)
	return request, nil
}

// hostHeader leaves out the port where clients do.
func hostHeader(call contract.Call) string {
	if call.Port == 80 || call.Port == 443 {
		return call.Host
	}
	return fmt.Sprintf("%s:%d", call.Host, call.Port)
}
