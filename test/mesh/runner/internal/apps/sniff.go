package apps

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"time"
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

// selfSigned is the certificate of all applications; nobody who calls them checks it.
var selfSigned = sync.OnceValues(func() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
})
