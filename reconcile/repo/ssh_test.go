package repo_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshKey makes a key pair.
func sshKey(t testing.TB) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return private, signer
}

// An sshServer lets one key in and runs git upload-pack, as sshd would.
type sshServer struct {
	t       testing.TB
	host    ssh.Signer
	user    ssh.Signer
	private ed25519.PrivateKey
	address string
	aside   string // said on standard error instead of serving
	silent  bool   // the handshake never ends
}

func (s *sshServer) start() *sshServer {
	s.t.Helper()
	_, s.host = sshKey(s.t)
	s.private, s.user = sshKey(s.t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { listener.Close() })
	s.address = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *sshServer) serve(conn net.Conn) {
	defer conn.Close()
	if s.silent {
		io.Copy(io.Discard, conn)
		return
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(s.user.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(s.host)
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		go s.session(channel, asked)
	}
}

func (s *sshServer) session(channel ssh.Channel, asked <-chan *ssh.Request) {
	defer channel.Close()
	for request := range asked {
		request.Reply(request.Type == "exec", nil)
		if request.Type != "exec" {
			continue
		}
		line := string(request.Payload[4:])
		path, ok := strings.CutPrefix(strings.TrimSuffix(line, "'"), "git-upload-pack '")
		if !ok || s.aside != "" {
			io.WriteString(channel.Stderr(), s.aside)
			channel.SendRequest("exit-status", false, []byte{0, 0, 0, 1})
			return
		}
		cmd := exec.Command("git", "upload-pack", path)
		cmd.Env = gitEnv("/")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, io.Discard
		status := []byte{0, 0, 0, 0}
		if cmd.Run() != nil {
			status[3] = 1
		}
		channel.SendRequest("exit-status", false, status)
		return
	}
}

// files writes a key file and a known_hosts file, and gives the environment
// that names them.
func (s *sshServer) env(key ssh.PublicKey) map[string]string {
	s.t.Helper()
	dir := s.t.TempDir()
	block, err := ssh.MarshalPrivateKey(s.private, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/key", pem.EncodeToMemory(block), 0o600); err != nil {
		s.t.Fatal(err)
	}
	writeFile(s.t, dir+"/known_hosts", knownhosts.Line([]string{knownhosts.Normalize(s.address)}, key)+"\n")
	return map[string]string{"RECONCILE_GIT_SSH_KEY_FILE": dir + "/key", "RECONCILE_KNOWN_HOSTS": dir + "/known_hosts"}
}

func lookup(env map[string]string) repo.Auth {
	return repo.Auth{Env: func(name string) string { return env[name] }}
}

// Over ssh a repository is fetched, deepened and asked for its past, as over https.
func TestSSH(t *testing.T) {
	g := newGit(t)
	g.git("config", "uploadpack.allowAnySHA1InWant", "true")
	old := g.commit("Old", "s/a.yaml", "a: 1\n")
	head := g.commit("Head", "s/a.yaml", "a: 2\n")
	server := (&sshServer{t: t}).start()
	url := "ssh://git@" + server.address + g.dir + "/.git"
	s := open(t, url, repo.Options{Path: "s", Store: store(t), Auth: lookup(server.env(server.host.PublicKey()))})
	files, rev := tree(t, s)
	if rev.Hash != head || read(t, files, "a.yaml") != "a: 2\n" {
		t.Errorf("got %+v", rev)
	}
	if files, err := s.At(context.Background(), old); err != nil || read(t, files, "a.yaml") != "a: 1\n" {
		t.Error(err)
	}
	next := g.commit("Next", "s/b.yaml", "b: 1\n")
	if _, rev := tree(t, s); rev.Hash != next {
		t.Errorf("got %+v", rev)
	}
	if rev, err := s.LastChange(context.Background(), "a.yaml"); err != nil || rev.Hash != head {
		t.Errorf("got %+v, %v", rev, err)
	}
	if ok, err := s.Contains(context.Background(), strings.Repeat("1", 40)); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	// A short path is relative to the user's home, and a port cannot stand in it.
	if _, err := repo.Open(context.Background(), "git@host:group/p.git", repo.Options{Store: store(t)}); err != nil {
		t.Error(err)
	}
}

// The agent's keys log in, and its connection is not needed afterwards.
func TestSSHAgent(t *testing.T) {
	g := newGit(t)
	head := g.commit("Head", "a.yaml", "a: 1\n")
	server := (&sshServer{t: t}).start()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: server.private}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent") // socket paths are short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	closed := make(chan struct{}, 8)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			agent.ServeAgent(ring, conn)
			conn.Close()
			closed <- struct{}{}
		}
	}()
	env := server.env(server.host.PublicKey())
	delete(env, "RECONCILE_GIT_SSH_KEY_FILE")
	env["SSH_AUTH_SOCK"] = filepath.Join(dir, "s")
	s := open(t, "ssh://"+server.address+g.dir+"/.git", repo.Options{Store: store(t), Auth: lookup(env)})
	if _, rev := tree(t, s); rev.Hash != head {
		t.Errorf("got %+v", rev)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the agent's connection stays open")
	}
}

// An sshCase is an environment in which logging in must fail.
type sshCase struct {
	name  string
	env   map[string]string
	class error
	says  string
}

// keyFile replaces the key of an environment.
func keyFile(t testing.TB, env map[string]string, text []byte, mode os.FileMode) map[string]string {
	t.Helper()
	path := env["RECONCILE_GIT_SSH_KEY_FILE"]
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return env
}

// hosts replaces the known_hosts of an environment.
func hosts(t testing.TB, env map[string]string, text string) map[string]string {
	t.Helper()
	writeFile(t, env["RECONCILE_KNOWN_HOSTS"], text)
	return env
}

// with sets a variable, or takes it out.
func with(env map[string]string, name, value string) map[string]string {
	env[name] = value
	return env
}

func hostCases(t testing.TB, server *sshServer) []sshCase {
	host := server.host.PublicKey()
	_, stranger := sshKey(t)
	revoked := "@revoked " + knownhosts.Line([]string{"*"}, host) + "\n" + knownhosts.Line([]string{knownhosts.Normalize(server.address)}, host) + "\n"
	return []sshCase{
		{"unknown host", hosts(t, server.env(host), ""), repo.ErrHostKey, "add this line"},
		{"another key", server.env(stranger.PublicKey()), repo.ErrHostKey, "names another"},
		{"revoked key", hosts(t, server.env(host), revoked), repo.ErrHostKey, "revoked"},
		{"malformed known_hosts", hosts(t, server.env(host), "x\n"), repo.ErrHostKey, "known hosts"},
		{"no known_hosts", with(server.env(host), "RECONCILE_KNOWN_HOSTS", "/nonexistent"), repo.ErrHostKey, "known hosts"},
		{"no home", with(server.env(host), "RECONCILE_KNOWN_HOSTS", ""), repo.ErrHostKey, "known_hosts"},
	}
}

func keyCases(t testing.TB, server *sshServer) []sshCase {
	host := server.host.PublicKey()
	private, _ := sshKey(t)
	other, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("canary"))
	if err != nil {
		t.Fatal(err)
	}
	none := with(server.env(host), "RECONCILE_GIT_SSH_KEY_FILE", "")
	return []sshCase{
		{"no key", none, repo.ErrDenied, "RECONCILE_GIT_SSH_KEY_FILE"},
		{"no agent", with(with(server.env(host), "RECONCILE_GIT_SSH_KEY_FILE", ""), "SSH_AUTH_SOCK", "/nonexistent"), repo.ErrDenied, "agent"},
		{"wrong key", keyFile(t, server.env(host), pem.EncodeToMemory(other), 0o600), repo.ErrDenied, "refuses our ssh keys"},
		{"key with passphrase", keyFile(t, server.env(host), pem.EncodeToMemory(locked), 0o600), repo.ErrDenied, "passphrase"},
		{"key for all to read", keyFile(t, server.env(host), pem.EncodeToMemory(other), 0o640), repo.ErrDenied, "chmod 600"},
		{"key that is none", keyFile(t, server.env(host), []byte("canary"), 0o600), repo.ErrDenied, "cannot be read"},
	}
}

// Whatever is wrong with a key, ours or the server's, the error says so and what
// to do.
func TestS13SSHRefused(t *testing.T) {
	t.Parallel()
	server := (&sshServer{t: t}).start()
	cases := append(hostCases(t, server), keyCases(t, server)...)
	url := "ssh://git@" + server.address + "/r.git"
	for _, c := range cases {
		_, _, err := open(t, url, repo.Options{Store: store(t), Auth: lookup(c.env), Timeout: 20 * time.Second}).Tree(context.Background())
		if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	server.aside = "\x1b[2JThe project you were looking for could not be found\n"
	_, _, err := open(t, url, repo.Options{Store: store(t), Auth: lookup(server.env(server.host.PublicKey()))}).Tree(context.Background())
	if !errors.Is(err, repo.ErrDenied) || !strings.Contains(err.Error(), "project you were looking for") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("got %v", err)
	}
	t.Logf("S13: %d ssh refusals, each names its remedy", len(cases)+1)
}

// A server that never ends its handshake is given up.
func TestS3SilentSSH(t *testing.T) {
	server := (&sshServer{t: t, silent: true}).start()
	start := time.Now()
	s := open(t, "ssh://git@"+server.address+"/r.git", repo.Options{Store: store(t), Timeout: 100 * time.Millisecond, Auth: lookup(server.env(server.host.PublicKey()))})
	if _, _, err := s.Tree(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	t.Logf("S3: a silent ssh server was given up after %v", time.Since(start).Round(time.Millisecond))
}
