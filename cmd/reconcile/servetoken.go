package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// startToken makes the token that a daemon prints when it starts. It takes the
// place of the one that this machine's daemon printed before, which counts no more.
func startToken(ctx context.Context, st reconcile.Store, by reconcile.Actor, now time.Time) (reconcile.Secret, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	secret, hash := reconcile.NewToken()
	err = st.SaveToken(ctx, reconcile.Token{
		ID: "start-" + host, Name: "start of " + host, Role: reconcile.Grant, Hash: hash, Created: now.UTC(), By: by,
	})
	return reconcile.NewSecret(secret), err
}

// address is where people reach a listener.
func address(configured string, secured bool, at net.Addr) string {
	if configured != "" {
		return strings.TrimRight(configured, "/")
	}
	scheme := "http://"
	if secured {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return scheme + net.JoinHostPort("127.0.0.1", port)
	}
	return scheme + at.String()
}

// greet tells whoever started the daemon where it is, once. These lines are no
// log: a token stands in them.
func greet(w io.Writer, what, url string, token reconcile.Secret, simulated []string) {
	fmt.Fprintf(w, "Serving %s at %s/#token=%s\n", what, url, token.Reveal())
	fmt.Fprintf(w, "Token: %s (role approve, until the next start)\n", token.Reveal())
	for _, variable := range simulated {
		fmt.Fprintf(w, "export %s\n", variable)
	}
}
