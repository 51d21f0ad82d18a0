package plan

import (
	"crypto/tls"
	"sync"

	"cdk8s-lanes/mesh-runner/internal/certificates"
)

// Certificates are those outside the mesh: the secrets that credentialName names, and the certificates of hosts.
type Certificates struct {
	mu          sync.Mutex
	authorities map[string]*certificates.Authority
}

// everybodys is the authority that the system trusts, and that certifies hosts outside the mesh.
const everybodys = "everybody's"

// authority is the one behind a secret: it has signed the certificate in it, and signs those of clients.
func (c *Certificates) authority(name string) (*certificates.Authority, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authorities[name] == nil {
		made, err := certificates.NewAuthority(name)
		if err != nil {
			return nil, err
		}
		c.authorities[name] = made
	}
	return c.authorities[name], nil
}

// Host is the certificate of a host outside the mesh, or of an application that speaks TLS.
func (c *Certificates) Host(name string) (*tls.Certificate, error) { return c.pair(everybodys, name) }

// Client is a certificate for a client, of the authority in the secret of this name.
func (c *Certificates) Client(credential string) (*tls.Certificate, error) {
	return c.pair(credential, "a client with "+credential)
}

func (c *Certificates) pair(authority, name string) (*tls.Certificate, error) {
	signer, err := c.authority(authority)
	if err != nil {
		return nil, err
	}
	made, err := signer.Named(name)
	if err != nil {
		return nil, err
	}
	return made.ForGo()
}
