package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshTalk is a conversation over ssh. The user's ssh_config is not read: the
// address alone says whom we speak to.
type sshTalk struct {
	conn    net.Conn
	client  *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	aside   *tail
	stop    func() bool // of the context's watch
}

var _ conversation = (*sshTalk)(nil)

func dialSSH(ctx context.Context, ep endpoint, a Auth, p program) (conversation, error) {
	address := net.JoinHostPort(ep.host, first(ep.port, "22"))
	config, check, err := a.sshConfig(ep.user, address)
	if err != nil {
		return nil, err
	}
	keys, err := a.openKeys()
	if err != nil {
		return nil, err
	}
	defer keys.close() // nothing is signed after the handshake
	config.Auth = []ssh.AuthMethod{ssh.PublicKeysCallback(keys.signers)}
	conn, err := (&net.Dialer{Timeout: 15 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	// The handshake knows no context; closing the connection ends it.
	t := &sshTalk{conn: conn, aside: &tail{}, stop: context.AfterFunc(ctx, func() { conn.Close() })}
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		t.close()
		return nil, errors.Join(ctx.Err(), check.explain(err))
	}
	t.client = ssh.NewClient(c, channels, requests)
	if err := t.start(p, ep.path); err != nil {
		t.close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return t, nil
}

// start runs the server's end. checkServerPath keeps quotes out of the path.
func (t *sshTalk) start(p program, path string) (err error) {
	if t.session, err = t.client.NewSession(); err != nil {
		return err
	}
	if t.in, err = t.session.StdinPipe(); err != nil {
		return err
	}
	if t.out, err = t.session.StdoutPipe(); err != nil {
		return err
	}
	t.session.Stderr = t.aside
	return t.session.Start(string(p) + " '" + path + "'")
}

func (t *sshTalk) advertisement() io.Reader { return t.out }
func (t *sshTalk) stateless() bool          { return false }

func (t *sshTalk) complaint() string {
	t.session.Wait() // its own error says only that the far end failed
	return t.aside.String()
}

func (t *sshTalk) ask(_ context.Context, request []byte) (io.Reader, error) {
	if _, err := t.in.Write(request); err != nil {
		return nil, err
	}
	return t.out, t.in.Close()
}

func (t *sshTalk) close() {
	t.stop()
	if t.session != nil {
		t.session.Close()
	}
	if t.client != nil {
		t.client.Close()
	}
	t.conn.Close()
}

// sshConfig says who we are, and by which keys the server is known.
func (a Auth) sshConfig(user, address string) (*ssh.ClientConfig, *hostCheck, error) {
	files, err := a.knownHosts()
	if err != nil {
		return nil, nil, &fault{class: ErrHostKey, reason: err.Error()}
	}
	db, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, nil, faultf(ErrHostKey, "correct the line", "known hosts: %s", printable(err.Error()))
	}
	check := &hostCheck{address: address, file: files[len(files)-1], known: db.HostKeyCallback()}
	return &ssh.ClientConfig{
		User:              user,
		HostKeyCallback:   check.key,
		HostKeyAlgorithms: db.HostKeyAlgorithms(address),
	}, check, nil
}

// keyring are the keys that we log in with, and the agent that holds them.
type keyring struct {
	keys  []ssh.Signer
	agent net.Conn // nil for a key file
}

// openKeys reads the key file if one is named, else asks the agent.
func (a Auth) openKeys() (*keyring, error) {
	if path := first(a.SSHKeyFile, a.env("RECONCILE_GIT_SSH_KEY_FILE")); path != "" {
		signer, err := keyFile(path)
		return &keyring{keys: []ssh.Signer{signer}}, err
	}
	socket := a.env("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, faultf(ErrDenied, "start ssh-agent, or name a key in RECONCILE_GIT_SSH_KEY_FILE", "there is no ssh key to log in with")
	}
	conn, err := net.DialTimeout("unix", socket, 5*time.Second)
	if err != nil {
		return nil, faultf(ErrDenied, "start ssh-agent", "the ssh agent of SSH_AUTH_SOCK does not answer")
	}
	return &keyring{agent: conn}, conn.SetDeadline(time.Now().Add(maxAgent))
}

// maxAgent is how long an agent may take, in which a person may have to touch a key.
const maxAgent = 30 * time.Second

func keyFile(path string) (ssh.Signer, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, faultf(ErrDenied, "", "read the ssh key: %v", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, faultf(ErrDenied, "load it into ssh-agent and unset RECONCILE_GIT_SSH_KEY_FILE", "the ssh key %s has a passphrase", path)
	case err != nil:
		return nil, faultf(ErrDenied, "name a private key in OpenSSH's form", "the ssh key %s cannot be read", path)
	}
	return signer, nil
}

func (k *keyring) signers() ([]ssh.Signer, error) {
	if k.agent == nil {
		return k.keys, nil
	}
	return agent.NewClient(k.agent).Signers()
}

func (k *keyring) close() {
	if k.agent != nil {
		k.agent.Close()
	}
}

// maxAside bounds what is kept of a server's words, in bytes.
const maxAside = 4 << 10

// A tail keeps the first part of what a server says aside. It is safe for
// concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[:min(len(p), maxAside-len(t.text))]...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return printable(string(t.text))
}

// A hostCheck is known_hosts' verdict on the server's key, kept because the
// handshake's own error says less.
type hostCheck struct {
	address string
	file    string
	known   ssh.HostKeyCallback
	err     error
}

func (c *hostCheck) key(hostname string, remote net.Addr, key ssh.PublicKey) error {
	err := c.known(hostname, remote, key)
	if err == nil {
		return nil
	}
	host := knownhosts.Normalize(c.address)
	var mismatch *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &revoked):
		c.err = faultf(ErrHostKey, "ask the server's operator", "the key of %s is revoked in %s", host, c.file)
	case errors.As(err, &mismatch) && len(mismatch.Want) > 0:
		c.err = faultf(ErrHostKey, "if the server's operator confirms the new key, replace the old line there",
			"%s shows the key %s, and %s names another", host, ssh.FingerprintSHA256(key), mismatch.Want[0].Filename)
	default:
		line := knownhosts.Line([]string{host}, key)
		c.err = faultf(ErrHostKey, fmt.Sprintf("compare the fingerprint with the provider's, then add this line to %s: %s", c.file, line),
			"%s is not in known_hosts; its key is %s", host, ssh.FingerprintSHA256(key))
	}
	return c.err
}

// explain prefers the verdict on the key to what the handshake made of it.
func (c *hostCheck) explain(err error) error {
	if c.err != nil {
		return c.err
	}
	if strings.Contains(err.Error(), "unable to authenticate") {
		return faultf(ErrDenied, "check that the key may read this repository", "the server refuses our ssh keys")
	}
	return err
}
