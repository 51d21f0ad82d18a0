package apps

import (
	"crypto/tls"
	"net"
	"sync"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// sniffing accepts connections in plain text and with TLS, whichever the caller speaks: hosts outside the mesh are
// called with TLS that no proxy ends.
type sniffing struct {
	net.Listener
	config *tls.Config
}

func (l sniffing) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &sniffed{Conn: connection, plain: connection, config: l.config}, nil
}

// sniffed finds out with the first byte, which the reader waits for anyway.
type sniffed struct {
	net.Conn // what requests are read from
	plain    net.Conn
	config   *tls.Config
	once     sync.Once
}

// recordTypeHandshake is the first byte of a TLS connection; no HTTP method begins with it.
const recordTypeHandshake = 0x16

func (c *sniffed) Read(data []byte) (int, error) {
	c.once.Do(func() {
		first := make([]byte, 1)
		n, err := c.plain.Read(first)
		again := &unread{Conn: c.plain, data: first[:n], err: err}
		c.Conn = again
		if n == 1 && first[0] == recordTypeHandshake {
			c.Conn = tls.Server(again, c.config)
		}
	})
	return c.Conn.Read(data)
}

// unread gives back what was read to find out.
type unread struct {
	net.Conn
	data []byte
	err  error
}

func (c *unread) Read(data []byte) (int, error) {
	if len(c.data) > 0 {
		n := copy(data, c.data)
		c.data = c.data[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(data)
}

// serverConfig ends TLS in the name of the host outside the mesh, or, in a pod, of whoever the caller asks for. Callers may
// show a certificate.
func (f *Fleet) serverConfig(s *server) *tls.Config {
	return &tls.Config{
		ClientAuth: tls.RequestClientCert,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := s.app.Load().External
			if name == "" || net.ParseIP(name) != nil {
				name = hello.ServerName
			}
			return f.certificate(name)
		},
	}
}

// encryption is what is known of a connection that TLS was spoken on, nil for plain text.
func encryption(connection net.Conn) *contract.HitTLS {
	outer, ok := connection.(*sniffed)
	if !ok {
		return nil
	}
	inner, ok := outer.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := inner.ConnectionState()
	found := &contract.HitTLS{ServerName: state.ServerName}
	if len(state.PeerCertificates) > 0 {
		found.Certificate = state.PeerCertificates[0].Subject.CommonName
	}
	return found
}
