//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unit is the socket on which systemd hears of a daemon.
type unit struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	dir, err := os.MkdirTemp("", "unit") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &unit{t, conn, path}
}

// hears waits for a message that says something.
func (u *unit) hears(want string) {
	u.t.Helper()
	if err := u.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		u.t.Fatal(err)
	}
	var heard []string
	for {
		message := make([]byte, 4096)
		n, err := u.conn.Read(message)
		if err != nil {
			u.t.Fatalf("waited for %s, heard %q: %v", want, heard, err)
		}
		heard = append(heard, string(message[:n]))
		if strings.Contains(string(message[:n]), want) {
			return
		}
	}
}

func TestUnit(t *testing.T) {
	repository := newRepository(t)
	repository.commit("Begin", map[string]string{"stack.yaml": rigStack, "a.yaml": rigContainer("a", "")})
	r := newRig(t, map[string]string{"reconcile.yaml": "listen: 127.0.0.1:0\nstacks: [{name: rig, url: " + repository.dir + "}]\n"})
	u := newUnit(t)
	cmd := r.command([]string{"NOTIFY_SOCKET=" + u.path, "WATCHDOG_USEC=200000"}, "serve", "--config", "reconcile.yaml")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	u.hears("READY=1")
	u.hears("WATCHDOG=1")
	for _, text := range []string{"", "stacks: [}"} { // systemctl reload waits for both, also where the file is wrong
		r.write("reconcile.yaml", "listen: 127.0.0.1:0\nstacks: [{name: rig, url: "+repository.dir+"}]\n"+text)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		u.hears("RELOADING=1\nMONOTONIC_USEC=")
		u.hears("READY=1")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	u.hears("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
}

// TestWatchdogIsHonest shows that systemd is not told of a daemon that cannot work.
func TestWatchdogIsHonest(t *testing.T) {
	u := newUnit(t)
	t.Setenv("NOTIFY_SOCKET", u.path)
	t.Setenv("WATCHDOG_USEC", "30000")
	t.Setenv("WATCHDOG_PID", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	watchdog(ctx, logger(&strings.Builder{}, newMasks(), "text", 0), func(context.Context) error {
		if asked++; asked == 3 {
			cancel()
		}
		return errors.New("the disk is gone")
	})
	if err := u.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := u.conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("systemd was told %d bytes", n)
	}
}
