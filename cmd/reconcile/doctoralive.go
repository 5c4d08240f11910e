package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// aliveLimit is how long a daemon may take to say that it lives.
const aliveLimit = 4 * time.Second

// alive asks a daemon whether it lives: what an image without a shell is checked
// with. An error means that it does not.
func (a *app) alive(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, aliveLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("--alive wants the address of a daemon, such as http://127.0.0.1:7373: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the daemon at %s does not answer: %w", url, err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon at %s says: %s %s", url, resp.Status, reconcile.Clean(strings.TrimSpace(string(said))))
	}
	_, err = fmt.Fprintf(a.out, "the daemon at %s is alive\n", url)
	return err
}
