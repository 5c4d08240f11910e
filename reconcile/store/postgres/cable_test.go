package postgres

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// A cable leads to a server and can be cut: nothing arrives any more, and
// nobody is told so.
type cable struct {
	dir    string
	server string
	listen net.Listener

	mu    sync.Mutex
	ends  []net.Conn
	isCut bool
	trap  *trap
}

// A trap breaks a connection over which certain bytes go, once.
type trap struct {
	bytes  string
	arrive bool // the bytes still arrive; the answer does not
	sprung bool
}

// lay lays a cable to a server, to be removed after the test.
func lay(t *testing.T, server *pgtest.Server) *cable {
	t.Helper()
	dir, err := os.MkdirTemp("", "cable") // the test's own folder has too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{dir: dir, server: server.Socket()}
	if c.listen, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	go c.accept()
	t.Cleanup(func() {
		c.listen.Close()
		c.rip()
		os.RemoveAll(dir)
	})
	return c
}

var host = regexp.MustCompile(`host=\S+`)

// through is the address of a database by way of the cable.
func (c *cable) through(dsn string) string { return host.ReplaceAllString(dsn, "host="+c.dir) }

func (c *cable) accept() {
	for {
		near, err := c.listen.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		far, err := net.Dial("unix", c.server)
		if err != nil {
			near.Close()
			continue
		}
		c.mu.Lock()
		c.ends = append(c.ends, near, far)
		c.mu.Unlock()
		go c.carry(near, far)
		go c.carry(far, near)
	}
}

func (c *cable) carry(from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		lost, broken, arrive := c.fate(buffer[:n])
		if broken {
			from.Close() // so that nobody gets the answer
			if arrive {
				_, _ = to.Write(buffer[:n])
			}
			return
		}
		if lost {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// fate tells what becomes of bytes: whether they are lost, or break the connection.
func (c *cable) fate(sent []byte) (lost, broken, arrive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.trap; t != nil && !t.sprung && bytes.Contains(sent, []byte(t.bytes)) {
		t.sprung = true
		return false, true, t.arrive
	}
	return c.isCut, false, false
}

// set sets a trap.
func (c *cable) set(t *trap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trap = t
}

// cut loses all that is sent from now on, both ways, silently.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
}

// mend carries again what new connections send.
func (c *cable) mend() {
	c.rip()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = false
}

// rip cuts the cable, and both sides see that.
func (c *cable) rip() {
	c.cut()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		end.Close()
	}
	c.ends = nil
}
