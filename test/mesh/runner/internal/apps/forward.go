package apps

import (
	"io"
	"net"
)

// forward does what kube-proxy does with connections to a Service's own address: each goes to one of the endpoints, in
// turn, and keeps its source address.
func (s *server) forward(listener net.Listener) {
	for turn := 0; ; turn++ {
		incoming, err := listener.Accept()
		if err != nil {
			return
		}
		endpoints := s.app.Load().Forward
		go func() {
			defer incoming.Close()
			dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: incoming.RemoteAddr().(*net.TCPAddr).IP}}
			outgoing, err := dialer.Dial("tcp", endpoints[turn%len(endpoints)])
			if err != nil {
				return
			}
			defer outgoing.Close()
			go func() {
				_, _ = io.Copy(outgoing, incoming)
				_ = outgoing.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(incoming, outgoing)
		}()
	}
}
