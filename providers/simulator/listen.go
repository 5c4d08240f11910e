package simulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Listen serves a simulator on a loopback address such as "127.0.0.1:0" and
// gives its URL without a trailing slash. It refuses other addresses, because
// a simulator has no real credentials. stop ends it; the simulator stays open.
func Listen(s *Server, addr string) (url string, stop func(), err error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("listen on %q: the simulator only listens on loopback addresses such as 127.0.0.1", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	return "http://" + l.Addr().String(), func() { shutdown(server, done) }, nil
}

// shutdown lets requests end for a moment.
func shutdown(server *http.Server, done <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
	<-done
}
