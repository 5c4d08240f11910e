package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// callNetBox speaks to the simulated NetBox behind reconcile's back, as a person
// would; $ID is the last answer's id, or that of its first row:
//
//	netbox METHOD PATH [JSON]
//
// and what visitNetBox does.
func callNetBox(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 && slices.Contains([]string{"as", "seed", "hooks"}, args[0]) {
		visitNetBox(ts, args)
		return
	}
	if len(args) < 2 {
		ts.Fatalf("usage: netbox METHOD PATH [JSON]")
	}
	req, err := http.NewRequest(args[0], ts.Getenv("NETBOX_URL")+"/api"+args[1], strings.NewReader(strings.Join(args[2:], " ")))
	ts.Check(err)
	req.Header.Set("Authorization", "Token "+ts.Getenv("NETBOX_TOKEN"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 300 != neg {
		ts.Fatalf("netbox %s %s: %s: %s", args[0], args[1], resp.Status, text)
	}
	type row struct {
		ID json.Number `json:"id"`
	}
	var says struct {
		row
		Results []row `json:"results"`
	}
	if json.Unmarshal(text, &says) == nil {
		for _, r := range append(says.Results, says.row) {
			if r.ID != "" {
				ts.Setenv("ID", r.ID.String())
				break
			}
		}
	}
	fmt.Fprintln(ts.Stdout(), string(text))
}

// saltMaster is a salt-api that scripts talk to.
type saltMaster struct {
	mu     sync.Mutex
	silent []string // minions that do not answer
	down   bool
	asked  []string
}

const (
	saltPassword = "c4n4ry-of-salt"
	saltToken    = "t0ken-canary-of-salt"
)

func (m *saltMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var body json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&body)
	switch {
	case m.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/login":
		var who struct{ Username, Password, Eauth string }
		if _ = json.Unmarshal(body, &who); who.Password != saltPassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"return":[{"token":%q}]}`, saltToken)
	case r.Header.Get("X-Auth-Token") != saltToken:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		m.asked = append(m.asked, string(body))
		m.answer(w, body)
	}
}

func (m *saltMaster) answer(w io.Writer, body []byte) {
	var ask []struct{ Tgt []string }
	_ = json.Unmarshal(body, &ask)
	done := map[string]bool{}
	for _, minion := range ask[0].Tgt {
		if !slices.Contains(m.silent, minion) {
			done[minion] = true
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"return": []any{done}})
}

// saltMasters are those of all scripts, by working folder.
var saltMasters sync.Map

// saltCommand drives a salt-api:
//
//	saltapi start            starts one, and leads the environment to it
//	saltapi silent MINION... these do not answer from now on
//	saltapi down, up         it fails; it works again
//	saltapi asked            prints what was asked since
func saltCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: saltapi start|silent|down|up|asked")
	}
	if args[0] == "start" {
		m := &saltMaster{}
		server := httptest.NewServer(m)
		ts.Defer(server.Close)
		saltMasters.Store(ts.Getenv("WORK"), m)
		for name, value := range map[string]string{"SALT_API_URL": server.URL, "SALT_API_USER": "reconcile", "SALT_API_PASSWORD": saltPassword, "SALT_API_EAUTH": ""} {
			ts.Setenv(name, value)
		}
		return
	}
	found, ok := saltMasters.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no salt-api was started")
	}
	m := found.(*saltMaster)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch args[0] {
	case "silent":
		m.silent = args[1:]
	case "down", "up":
		m.down = args[0] == "down"
	case "asked":
		fmt.Fprintf(ts.Stdout(), "%d questions\n%s\n", len(m.asked), strings.Join(m.asked, "\n"))
		m.asked = nil
	default:
		ts.Fatalf("saltapi knows no %s", args[0])
	}
}
