//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	crash    = syscall.SIGQUIT
	shutdown = syscall.SIGINT
)

// settings make a server quick to start and to write, and deaf to the network.
// What was committed still outlives its processes, though not the machine.
var settings = map[string]string{
	"listen_addresses": "", "max_connections": "300", "shared_buffers": "32MB", "dynamic_shared_memory_type": "posix",
	"fsync": "off", "full_page_writes": "off", "jit": "off", "autovacuum": "on",
	"unix_socket_permissions": "0700", "log_min_messages": "warning", "max_wal_size": "256MB", "checkpoint_timeout": "30min",
}

// warden waits for the end of the test process, which closes its input, and
// then ends the server and removes its folder.
const warden = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
n=0
while [ -n "$pid" ] && [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ $n -lt 50 ]; do n=$((n+1)); sleep 0.1; done
rm -rf "$1"`

var errMissing = errors.New("there is no PostgreSQL (initdb and postgres) on this machine")

func isMissing(err error) bool { return errors.Is(err, errMissing) }

// launch makes a cluster in a new folder and starts it.
func launch() (*Server, error) {
	if _, err := program("postgres"); err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	leash, err := watch(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &Server{dir: dir, leash: leash}
	if err = initialise(dir); err == nil {
		err = s.start()
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// program finds a program of PostgreSQL, the newest where there are several.
func program(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return found[0], nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", errMissing
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// folder makes a folder that belongs to whoever runs the server. Its name is
// short: that of a socket in it has a limit of about 100 characters.
func folder() (string, error) {
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return "", err
	}
	if who := unprivileged(); who != nil {
		err = os.Chown(dir, int(who.Uid), int(who.Gid))
	}
	return dir, err
}

// unprivileged is another user where the tests run as root, whom PostgreSQL refuses.
func unprivileged() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		who, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(who.Uid, 10, 32)
		gid, _ := strconv.ParseUint(who.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}

// watch starts the warden. It lets go once the leash is closed.
func watch(dir string) (leash io.Closer, err error) {
	sh := exec.Command("sh", "-c", warden, "sh", dir)
	sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends the tests shall not end it
	if leash, err = sh.StdinPipe(); err != nil {
		return nil, err
	}
	if err := sh.Start(); err != nil {
		return nil, err
	}
	go func() { _ = sh.Wait() }()
	return leash, nil
}

func initialise(dir string) error {
	path, err := program("initdb")
	if err != nil {
		return err
	}
	out, err := command(dir, path, "--no-sync", "--no-instructions", "--auth=trust", "--username="+user,
		"--encoding=UTF8", "--no-locale", "--pgdata="+filepath.Join(dir, "data")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func command(dir, path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: unprivileged()}
	return cmd
}

// process is a server that was started.
type process struct {
	cmd  *exec.Cmd
	path string        // of its log
	gone chan struct{} // closed at its end
}

func run(dir string) (*process, error) {
	path, err := program("postgres")
	if err != nil {
		return nil, err
	}
	args := []string{"-D", filepath.Join(dir, "data"), "-k", dir}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	p := &process{cmd: command(dir, path, args...), path: filepath.Join(dir, "log"), gone: make(chan struct{})}
	log, err := os.OpenFile(p.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

func (p *process) end(how os.Signal) error {
	if err := p.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.gone:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("PostgreSQL does not end: %s", p.log())
	}
}

// log is the end of what the server wrote.
func (p *process) log() string {
	text, _ := os.ReadFile(p.path)
	return string(text[max(0, len(text)-2000):])
}
