package providertest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
)

var keyTag = regexp.MustCompile(`reconcile:key=[^"]*`)

func debugBend(s *stage) bend {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if os.Getenv("DEBUG") == "" || r.Method == "GET" {
			return next.RoundTrip(r)
		}
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		at := s.sim.Now().Format("15:04:05.0")
		resp, err := next.RoundTrip(r)
		st := 0
		if resp != nil {
			st = resp.StatusCode
		}
		fmt.Fprintln(os.Stderr, at, r.Method, r.URL.Path[28:], keyTag.FindString(string(body)), st, err)
		return resp, err
	}
}
