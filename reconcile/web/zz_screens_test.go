package web

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestZZServe(t *testing.T) {
	at := os.Getenv("ZZ_ADDR")
	if at == "" {
		t.Skip()
	}
	r := newRig(t, func(o *Options) { o.Clock = nil })
	ctx := t.Context()
	now := time.Now().UTC()
	conds := []reconcile.Condition{reconcile.InSync, reconcile.InSync, reconcile.Drifting, reconcile.OnHold, reconcile.Broken, reconcile.Moving, reconcile.Suspended, reconcile.Unclear, reconcile.InSync, reconcile.InSync}
	r.store.mu.Lock()
	r.store.standings = map[string]reconcile.Standing{}
	r.store.records = map[string][]reconcile.Record{}
	r.store.runs = map[string]reconcile.Run{}
	r.store.mu.Unlock()
	yes, no := true, false
	for i, name := range []string{"network-prod", "shop-staging", "shop-prod", "data-pipeline", "gpu-workers", "edge-cache", "legacy-billing", "mail", "internal-tools-with-a-rather-long-name", "docs"} {
		owner := name + ".5b0c1a2f"
		s := reconcile.Standing{Name: name, Stack: owner, Location: "https://gitlab.com/acme/infra", Branch: "main", Path: "stacks/" + name, Mode: "auto", Condition: conds[i],
			Sentence: map[reconcile.Condition]string{reconcile.InSync: "All is as Git says.", reconcile.Drifting: "1 resource was changed behind Git; it is repaired in 18 min.", reconcile.OnHold: "2 changes are held.", reconcile.Broken: "1 step failed; the next try is in 4 min.", reconcile.Moving: "1 resource is being made.", reconcile.Suspended: "Suspended by r.leone until Monday: migration.", reconcile.Unclear: "Containers in fr-par could not be read: 503."}[conds[i]],
			Since:    now.Add(-time.Duration(i+1) * 7 * time.Minute), Revision: reconcile.Revision{ID: "4f2a91c04f2a91c04f2a91c04f2a91c04f2a91c0", Subject: "Raise order-api memory", Author: "R. Leone", When: now.Add(-time.Duration(i*i+1) * time.Hour).Format(time.RFC3339)},
			Looked: now.Add(-time.Minute), Took: 412000, Next: now.Add(4 * time.Minute), Succeeded: now.Add(-time.Hour), Plan: planHash, Counts: reconcile.RunCounts{Ok: 12 + i, Held: i % 3, Drifted: i % 4 / 3 * 2}}
		if name == "shop-prod" {
			s.Condition = reconcile.Awaiting
			s.Sentence = "A plan waits for approval: 1 to change, 1 held."
			s.Items = []reconcile.Item{
				{Key: "Container/order-api", State: "due", Action: reconcile.Update, Fields: []string{"memoryLimitMb  256 -> 512", "env LOG_LEVEL  debug -> info"}, Origin: "containers/order-api.yaml:14", Since: now.Add(-3 * time.Minute), Reasons: []reconcile.Reason{{Guard: "approval", Text: "waits for approval"}}},
				{Key: "Container/old-api", State: "held", Action: reconcile.Delete, Origin: "removed in 4f2a91c", Reasons: []reconcile.Reason{{Guard: "prune", Text: "prune is off", At: "stack.yaml:12"}}, Since: now.Add(-time.Hour)},
				{Key: "Container/report/Trigger/nightly", State: "waiting", Action: reconcile.Create, Reasons: []reconcile.Reason{{Text: "after Container/report is ready", Needs: "Container/report"}}, Since: now.Add(-time.Hour), Next: now.Add(time.Minute)},
			}
			r.store.SaveArtefact(ctx, "stack/shop-prod", "plan.txt", []byte("shop-prod  fr-par  4f2a91c \"Raise order-api memory\"  R. Leone, 3 min ago\nRead 4 kinds in 1 place, complete, 0.2 s.\n\n  ~ Container/order-api                         containers/order-api.yaml:14\n      memoryLimitMb     256 -> 512              pending: 4f2a91c\n\nPlan: 0 to add, 1 to change, 0 to destroy. 1 held.\n"))
			r.store.SaveArtefact(ctx, "stack/shop-prod", "drift.json", []byte(`{"changed":[{"id":"x","type":"Container","name":"order-api","place":"fr-par","source":{"source":"containers/order-api.yaml:14","internal_name":"Container/order-api"},"cause":"drift","fields":[{"path":"env.LOG_LEVEL","git":"info","live":"debug"}]}],"unmanaged":[{"id":"u1","type":"Container","name":"by-hand","place":"fr-par"}],"missing":[],"surplus":[],"coverage":92,"alerts":{}}`))
		}
		r.store.SaveStanding(ctx, s)
		for n := range 30 {
			st := reconcile.RunSuccessful
			if (n+i)%7 == 0 {
				st = reconcile.RunFailed
			}
			if (n*i)%11 == 5 {
				st = reconcile.RunCanceled
			}
			begun := now.Add(-time.Duration(30-n) * 20 * time.Minute)
			jid := fmt.Sprintf("%s%06d", begun.Format("20060102150405"), i)
			r.store.SaveRun(ctx, reconcile.Run{JID: jid, Stack: owner, Name: name, Launch: reconcile.BySchedule, Type: "run", Status: st, Revision: s.Revision.ID, Subject: s.Revision.Subject, Author: "R. Leone", Actor: reconcile.Actor{Kind: "daemon", Host: "rc-1"}, Created: begun, Started: begun, Finished: begun.Add(26 * time.Second), Counts: reconcile.RunCounts{Ok: 10, Changed: 2, Failed: n % 2}, Artefacts: []string{"plan.json", "highstate.txt"}, Explanation: map[bool]string{true: "1 step failed: Container/report: Scaleway refused the update"}[st == reconcile.RunFailed]})
			if n == 29 {
				j := r.store.Journal(owner)
				add := func(at int, ev reconcile.Event, key reconcile.Key, num int, a reconcile.Action, ret *reconcile.Return, calls ...reconcile.Call) {
					j.Append(ctx, reconcile.Record{JID: jid, Event: ev, Stamp: begun.Add(time.Duration(at) * time.Second), Key: key, RunNum: num, Action: a, Tag: "reconcile/job/" + jid, Actor: reconcile.Actor{Kind: "daemon", Host: "rc-1", User: "schedule"}, Return: ret, Calls: calls, Hash: "abc", Revision: s.Revision.ID})
				}
				add(0, reconcile.RunStarted, "", 0, "", nil)
				add(1, reconcile.Intent, "Container/order-api", 0, reconcile.Update, nil)
				add(1, reconcile.Intent, "Container/report/Namespace", 1, reconcile.Create, nil)
				add(5, reconcile.Result, "Container/report/Namespace", 1, reconcile.Create, &reconcile.Return{Name: "report", Result: &yes, Comment: "Namespace ordered", Changes: map[string]reconcile.OldNew{"region": {New: "fr-par"}}, SLS: "containers/report.yaml:1"}, reconcile.Call{System: "scaleway", Method: "POST", Path: "/containers/v1/regions/fr-par/namespaces", Status: 200, RequestID: "06840207-b134", Millis: 530})
				add(9, reconcile.Result, "Container/order-api", 0, reconcile.Update, &reconcile.Return{Name: "order-api", Result: &yes, Comment: "Memory raised; the container restarts", Changes: map[string]reconcile.OldNew{"memoryLimitMb": {Old: "256", New: "512"}, "env LOG_LEVEL": {Old: "debug", New: "info"}}, SLS: "containers/order-api.yaml:14"}, reconcile.Call{System: "scaleway", Method: "PATCH", Path: "/containers/v1/regions/fr-par/containers/11", Status: 200, RequestID: "06840207-b135", Millis: 230})
				add(10, reconcile.Intent, "Container/report", 2, reconcile.Create, nil)
				add(24, reconcile.Result, "Container/report", 2, reconcile.Create, &reconcile.Return{Name: "report", Result: &no, Comment: "Scaleway refused: memory 512 MB needs at least 280 mvCPU, spec says 140", Class: reconcile.Invalid})
				add(25, reconcile.RunEnded, "", 0, "", nil)
				fmt.Println("JID", name, jid)
			}
		}
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(os.Getenv("ZZ_TOKEN"), []byte(r.tokens["approve"]), 0o600)
	c, cancel := context.WithTimeout(ctx, 900*time.Second)
	defer cancel()
	r.server.Serve(c, l)
}
