package remote

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// SaveRun keeps a run.
func (s *Store) SaveRun(ctx context.Context, run reconcile.Run) error {
	return s.change(ctx, "keep run "+run.JID, http.MethodPut, path("runs", run.JID), nil, run, nil)
}

// Runs returns runs, the newest first.
func (s *Store) Runs(ctx context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	if f.JID != "" {
		return s.run(ctx, f)
	}
	want := f.Limit
	if want == 0 {
		want = 50
	}
	var all []reconcile.Run
	for {
		var page struct {
			Runs []reconcile.Run `json:"runs"`
			Next string          `json:"next"`
		}
		q := query("stack", f.Stack, "status", string(f.Status), "launch_type", string(f.Launch), "key", string(f.Key),
			"since", stamp(f.Since), "before", f.Before, "limit", strconv.Itoa(want-len(all)))
		if err := s.read(ctx, "read the runs", path("runs"), q, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Runs...)
		if len(all) >= want || page.Next == "" || page.Next == f.Before || len(page.Runs) == 0 {
			return all[:min(len(all), want)], nil
		}
		f.Before = page.Next
	}
}

// run is the run with a job ID, if the rest of the filter chooses it too.
func (s *Store) run(ctx context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	var run reconcile.Run
	err := s.read(ctx, "read run "+f.JID, path("runs", f.JID), nil, &run)
	switch {
	case isClass(err, reconcile.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case f.Stack != "" && run.Stack != f.Stack, f.Status != "" && run.Status != f.Status, f.Launch != "" && run.Launch != f.Launch,
		run.Started.Before(f.Since), f.Before != "" && run.JID >= f.Before:
		return nil, nil
	}
	return []reconcile.Run{run}, nil
}

// SaveArtefact keeps a file that a run made.
func (s *Store) SaveArtefact(ctx context.Context, jid, name string, body []byte) error {
	kind := "text/plain; charset=utf-8"
	if strings.HasSuffix(name, ".json") {
		kind = "application/json"
	}
	_, err := s.once(ctx, call{what: "keep " + name + " of run " + jid, method: http.MethodPut, path: path("runs", jid, "artefacts", name), body: body, kind: kind})
	return err
}

// Artefact returns such a file, or one of a stack's newest look.
func (s *Store) Artefact(ctx context.Context, jid, name string) ([]byte, error) {
	route := path("runs", jid, "artefacts", name)
	if stack, ok := reconcile.LookedAt(jid); ok {
		route = path("stacks", stack, "artefacts", name)
	}
	return s.bytes(ctx, call{what: "read " + name + " of " + jid, method: http.MethodGet, path: route, accept: "*/*"})
}

// SaveStanding is refused: how a stack stands is said by the daemon that looks at it.
func (s *Store) SaveStanding(_ context.Context, st reconcile.Standing) error {
	return &reconcile.Error{Class: reconcile.Forbidden, Message: "keep how " + st.Name + " stands: only the daemon itself writes that"}
}

// Standings are how all stacks stand, by name.
func (s *Store) Standings(ctx context.Context) ([]reconcile.Standing, error) {
	var answer struct {
		Stacks []reconcile.Standing `json:"stacks"`
	}
	return answer.Stacks, s.read(ctx, "read how the stacks stand", path("stacks"), nil, &answer)
}
