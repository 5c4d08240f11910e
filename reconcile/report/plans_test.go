package report_test

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The plans that the golden files show.

var now = time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)

var containerFields = []reconcile.Field{
	{Name: "image", Path: "image"},
	{Name: "memoryLimitMb", Path: "memoryLimitMb"},
	{Name: "env", Path: "env", Shape: reconcile.Struct, Fields: []reconcile.Field{
		{Name: "variables", Path: "env.variables", Shape: reconcile.Pairs},
		{Name: "secrets", Path: "env.secrets", Shape: reconcile.Pairs},
	}},
	{Name: "disks", Path: "disks", Shape: reconcile.Named, Fields: []reconcile.Field{{Name: "name"}, {Name: "sizeGb"}}},
}

var containerKind = reconcile.Kind{About: reconcile.About{Name: "Container"}, Fields: containerFields}

type containerEnv struct {
	Variables map[string]string           `yaml:"variables"`
	Secrets   map[string]reconcile.Secret `yaml:"secrets"`
}

type containerDisk struct {
	Name   string           `yaml:"name"`
	SizeGb int              `yaml:"sizeGb"`
	Key    reconcile.Secret `yaml:"key"`
}

type containerSpec struct {
	Image         string          `yaml:"image"`
	MemoryLimitMb int             `yaml:"memoryLimitMb"`
	Args          []string        `yaml:"args"`
	Env           containerEnv    `yaml:"env"`
	Disks         []containerDisk `yaml:"disks"`
	Probe         *struct{}       `yaml:"probe"`
	Triggers      []string        `yaml:"triggers" plan:"-"`
}

func live(id string, key reconcile.Key, rev string, spec any) *reconcile.Resource {
	return &reconcile.Resource{
		Kind: key.Kind(), ID: id, Name: key.Name(), Scope: reconcile.Scope{Place: "fr-par"}, Phase: reconcile.Ready, Spec: spec,
		Created: now.Add(-72 * time.Hour), Mark: reconcile.Mark{Stack: "shop-prod", UID: "5b0c1d2e", Key: key, Rev: rev},
	}
}

func line(file string, n int) reconcile.Pos { return reconcile.Pos{File: file, Line: n} }

func origin(file string, n int) []reconcile.Pos { return []reconcile.Pos{line(file, n)} }

const (
	lastRev = "9ab01c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b"
	thisRev = "4f2a91c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6"
)

// base is a plan with nothing to do.
func base() *reconcile.Plan {
	in := reconcile.Scope{Place: "fr-par"}
	return &reconcile.Plan{
		Stack: "shop-prod", Owner: "shop-prod.5b0c1d2e", Places: []string{"fr-par"}, At: now, Took: 230 * time.Millisecond,
		Revision: reconcile.Revision{ID: thisRev, Subject: "Raise order-api memory", Author: "R. Leone <r.leone@example.org>", When: "2026-11-21T14:00:00Z"},
		Kinds:    4, Managed: 8, Hash: "d41d8cd98f00b204",
		Receipts: []reconcile.Receipt{
			{Kind: "Container", Scope: in, Count: 7, Complete: true, At: now, Took: 120 * time.Millisecond},
			{Kind: "Namespace", Scope: in, Count: 2, Complete: true, At: now, Took: 80 * time.Millisecond},
			{Kind: "Trigger", Scope: in, Count: 1, Complete: true, At: now, Took: 90 * time.Millisecond},
		},
	}
}

func orderAPI() reconcile.Change {
	file := "containers/order-api.yaml"
	return reconcile.Change{
		Key: "Container/order-api", Kind: "Container", Scope: reconcile.Scope{Place: "fr-par"}, Action: reconcile.Update,
		Origins: origin(file, 1), Hash: "c0ffee01", Notes: []string{"restarts the container"},
		Fields: []reconcile.FieldChange{
			{Path: "memoryLimitMb", From: 256, To: 512, Base: 256, Label: reconcile.Pending, Pos: line(file, 14)},
			{Path: "env.variables.LOG_LEVEL", From: "debug", To: "info", Base: "info", Label: reconcile.Drifted, Pos: line(file, 18)},
		},
		Live: live("06840207-b134", "Container/order-api", lastRev, &containerSpec{Image: "shop/order-api:1.4.2", MemoryLimitMb: 256,
			Env: containerEnv{Variables: map[string]string{"LOG_LEVEL": "debug"}}}),
		Want: &reconcile.Wanted{Kind: containerKind, Spec: &containerSpec{Image: "shop/order-api:1.4.2", MemoryLimitMb: 512,
			Env: containerEnv{Variables: map[string]string{"LOG_LEVEL": "info"}}, Triggers: []string{"nightly"}}},
	}
}

func nightly() reconcile.Change {
	file := "containers/report.yaml"
	return reconcile.Change{
		Key: "Container/report/Trigger/nightly", Kind: "Trigger", Action: reconcile.Create, Reason: "not there yet", Hash: "c0ffee02",
		Origins: origin(file, 22), Waits: []string{"after Container/report is ready"}, WaitsFor: []reconcile.Key{"Container/report"},
		Fields: []reconcile.FieldChange{
			{Path: "schedule", To: "0 2 * * *", Pos: line(file, 23)},
			{Path: "timezone", To: "Europe/Paris", Pos: line(file, 24)},
			{Path: "container", Unknown: "Container/report.id"},
			{Path: "retries", To: 3},
		},
		Want: &reconcile.Wanted{Set: map[string]reconcile.Pos{"schedule": line(file, 23), "timezone": line(file, 24)}},
	}
}

func oldAPI() reconcile.Change {
	return reconcile.Change{
		Key: "Container/old-api", Kind: "Container", Action: reconcile.Delete, Reason: "removed in 4f2a91c", Hash: "c0ffee03",
		Held: []reconcile.Hold{{Guard: "prune", Reason: "prune is off", Pos: line("stack.yaml", 12)}},
		Live: live("11112222-aaaa", "Container/old-api", lastRev, &containerSpec{Image: "shop/old-api:1"}),
	}
}

// shop is the plan that the direction for the terminal shows.
func shop() *reconcile.Plan {
	p := base()
	p.Steps = []reconcile.Change{orderAPI(), nightly()}
	p.Held = []reconcile.Change{oldAPI()}
	p.Unmanaged = []*reconcile.Resource{
		{Kind: "Container", ID: "77770000-cccc", Name: "try-out", Scope: reconcile.Scope{Place: "fr-par"}, Created: now.Add(-5 * time.Hour)},
		{Kind: "Namespace", ID: "77770001-dddd", Name: "default", Scope: reconcile.Scope{Place: "fr-par"}},
	}
	p.Foreign = 3
	return p
}

// every has each action, and each way in which a value is shown.
func every() *reconcile.Plan {
	p := base()
	p.Places = []string{"fr-par", "fr-par-2", "nl-ams", "pl-waw", "it-mil"}
	p.Notices = []string{"manifests/old.yaml has no apiVersion and was left out"}
	p.Steps = []reconcile.Change{
		created(), updated(), nightly(),
		{Key: "Container/web/Namespace", Kind: "Namespace", Action: reconcile.Replace, First: reconcile.Delete, Origins: []reconcile.Pos{line("web.yaml", 1), line("api.yaml", 1), line("job.yaml", 1), line("cron.yaml", 1)},
			Fields: []reconcile.FieldChange{{Path: "region", From: "fr-par", To: "nl-ams", Replace: true, Label: reconcile.Pending, Base: "fr-par"}},
			Notes:  []string{"Container/web goes along"}, Live: live("ns-1", "Container/web/Namespace", lastRev, nil)},
		{Key: "Container/web", Kind: "Container", Action: reconcile.Replace, First: reconcile.Create, Origins: origin("web.yaml", 1),
			Fields: []reconcile.FieldChange{{Path: "namespace", From: "ns-1", Unknown: "Container/web/Namespace.id", Replace: true}},
			Live:   live("web-1", "Container/web", lastRev, nil)},
		{Key: "BareMetalPool/workers/Server/2", Kind: "Server", Action: reconcile.Reinstall, Origins: origin("workers.yaml", 3),
			Fields: []reconcile.FieldChange{{Path: "os", From: "ubuntu_22.04", To: "ubuntu_24.04", Reinstall: true, Label: reconcile.Pending, Base: "ubuntu_22.04", Pos: line("workers.yaml", 9)}},
			Live:   live("srv-2", "BareMetalPool/workers/Server/2", lastRev, nil)},
		{Key: "Container/twice", Kind: "Container", Action: reconcile.Delete, Surplus: true, Origins: origin("twice.yaml", 1),
			Reason: "surplus: tw-2 has the key too; tw-1 is kept", Live: live("tw-2", "Container/twice", lastRev, nil)},
		{Key: "Container/handed-over", Kind: "Container", Action: reconcile.Forget, Live: live("ho-1", "Container/handed-over", lastRev, nil)},
		{Key: "Container/gone", Kind: "Container", Action: reconcile.Delete, Reason: "Git no longer names it", Live: live("gone-1", "Container/gone", lastRev, nil)},
	}
	p.Adopted = []reconcile.Change{{Key: "Container/legacy", Kind: "Container", Action: reconcile.Adopt, Origins: origin("legacy.yaml", 1),
		Reason: "takes over legacy-v1 (leg-1); nothing is written until its next change", Live: live("leg-1", "Container/legacy-v1", lastRev, &containerSpec{Image: "legacy:1"})}}
	p.Settling = []reconcile.Status{
		{Key: "Container/slow", Phase: reconcile.Progressing, Detail: "pulling shop/slow:2", Origins: origin("slow.yaml", 1), Again: 12 * time.Second},
		{Key: "Container/broken", Phase: reconcile.Failed, Detail: "the image shop/broken:9 does not exist in rg.fr-par.scw.cloud", Origins: origin("broken.yaml", 1)},
	}
	return p
}

func created() reconcile.Change {
	file := "containers/checkout.yaml"
	return reconcile.Change{
		Key: "Container/checkout", Kind: "Container", Action: reconcile.Create, Reason: "not there yet", Origins: origin(file, 1), Hash: "c0ffee04",
		Fields: []reconcile.FieldChange{
			{Path: "image", To: "rg.fr-par.scw.cloud/shop/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Pos: line(file, 7)},
			{Path: "args", To: []string{"serve", "--port", "8080", ""}, Pos: line(file, 8)},
			{Path: "env.secrets.TOKEN", To: reconcile.NewSecret("never shown"), Secret: true, Pos: line(file, 10)},
			{Path: "env.variables.DATABASE_URL", Unknown: "App/shop/Database/db.url, App/shop/Database/db/User.name"},
			{Path: "env.variables.GREETING", To: "line one\nline two", Pos: line(file, 12)},
			{Path: "disks.data.v1.sizeGb", To: 20, Pos: line(file, 15)},
			{Path: "memoryLimitMb", To: 256},
		},
		Want: &reconcile.Wanted{Kind: containerKind, Unknown: map[string]string{"env.variables.DATABASE_URL": "App/shop/Database/db.url"},
			Set: map[string]reconcile.Pos{"image": line(file, 7), "args": line(file, 8), "env.secrets.TOKEN": line(file, 10), "env.variables.GREETING": line(file, 12), "disks.data.v1.sizeGb": line(file, 15)},
			Spec: &containerSpec{Image: "rg.fr-par.scw.cloud/shop/checkout", MemoryLimitMb: 256, Args: []string{"serve", "--port", "8080", ""},
				Env:   containerEnv{Variables: map[string]string{"DATABASE_URL": "", "GREETING": "line one\nline two"}, Secrets: map[string]reconcile.Secret{"TOKEN": reconcile.NewSecret("never shown")}},
				Disks: []containerDisk{{Name: "os", SizeGb: 10}, {Name: "data.v1", SizeGb: 20, Key: reconcile.NewSecret("never shown")}}, Probe: &struct{}{}}},
	}
}

// nginx is a text of several lines.
func nginx(port, timeout string) string {
	return "server {\n  listen " + port + ";\n  location / {\n    proxy_pass http://shop;\n    proxy_read_timeout " + timeout + ";\n  }\n}\n"
}

func updated() reconcile.Change {
	file := "containers/billing.yaml"
	return reconcile.Change{
		Key: "Container/billing", Kind: "Container", Action: reconcile.Update, Origins: origin(file, 1), Hash: "c0ffee05",
		Fields: []reconcile.FieldChange{
			{Path: "image", From: "rg.fr-par.scw.cloud/shop/billing:2026-11-19.build-1187", To: "rg.fr-par.scw.cloud/shop/billing:2026-11-21.build-1204", Label: reconcile.Pending, Pos: line(file, 7)},
			{Path: "memoryLimitMb", From: 1024, To: 512, Base: 256, Label: reconcile.Conflicting, Pos: line(file, 8)},
			{Path: "env.secrets.TOKEN", From: reconcile.NewSecret("never shown"), To: reconcile.NewSecret("never shown either"), Secret: true, Pos: line(file, 10)},
			{Path: "env.secrets.OLD", From: reconcile.NewSecret("never shown"), Secret: true},
			{Path: "env.variables.ADDED", To: "", Label: reconcile.Pending, Pos: line(file, 12)},
			{Path: "env.variables.NGINX", From: nginx("8080", "30s"), To: nginx("8081", "60s"), Label: reconcile.Drifted, Pos: line(file, 14)},
			{Path: "env.variables.GONE", From: "(was here)", Label: reconcile.Drifted, Pos: line(file, 11)},
		},
		Live: live("bill-1", "Container/billing", lastRev, nil),
		Want: &reconcile.Wanted{Kind: containerKind},
	}
}

// unread is a plan in which a listing failed and one was not allowed.
func unread() *reconcile.Plan {
	p := base()
	p.Places = []string{"fr-par", "nl-ams"}
	p.Receipts = append(p.Receipts,
		reconcile.Receipt{Kind: "Container", Scope: reconcile.Scope{Place: "nl-ams"}, Reason: "503 Service Unavailable, four times in 30 s (request 06840207-b134)"},
		reconcile.Receipt{Kind: "env CANARY", Reason: "the variable is not set"},
		reconcile.Receipt{Kind: "Database", Scope: reconcile.Scope{Place: "fr-par"}, OutOfScope: true, Reason: "403 insufficient permissions"})
	return p
}

// drifting has a group of every sort.
func drifting() *reconcile.Plan {
	p := shop()
	lost := reconcile.Change{Key: "Container/lost", Kind: "Container", Action: reconcile.Create, Missing: true, Reason: "was there as lost-1 and is gone", Origins: origin("lost.yaml", 1),
		Fields: []reconcile.FieldChange{{Path: "image", To: "lost:1"}}}
	rotated := reconcile.Change{Key: "Container/mailer", Kind: "Container", Action: reconcile.Update, Origins: origin("mailer.yaml", 1),
		Fields: []reconcile.FieldChange{{Path: "env.secrets.SMTP", From: reconcile.NewSecret("a"), To: reconcile.NewSecret("b"), Secret: true, Pos: line("mailer.yaml", 9)}},
		Held:   []reconcile.Hold{{Guard: "mode", Reason: "the stack is only observed", Pos: line("stack.yaml", 4)}},
		Live:   live("mail-1", "Container/mailer", lastRev, nil)}
	all := every()
	p.Steps = append(p.Steps, updated(), lost, all.Steps[6])
	p.Held = append(p.Held, rotated)
	p.Settling = all.Settling
	return p
}

// settling has nothing to do but to wait.
func settling() *reconcile.Plan {
	p := base()
	p.Settling = every().Settling[:1]
	return p
}

// hostile is full of what others could write to fool a reader or a terminal.
func hostile() *reconcile.Plan {
	const bad = "a\x1b[2J\x1b]8;;http://evil\x07b\r\n\u202egpj.exe\u2066\x00\x9b31m"
	p := base()
	p.Stack, p.Places, p.Notices = "shop"+bad, []string{"fr-par" + bad}, []string{bad}
	p.Revision.Subject, p.Revision.Author = "Fix "+bad, "R. "+bad
	p.Steps = []reconcile.Change{{
		Key: "Container/" + bad, Kind: "Container", Action: reconcile.Update, Origins: []reconcile.Pos{{File: bad, Line: 1}}, Notes: []string{bad}, Waits: []string{bad},
		Reason: bad, Hash: bad, Held: []reconcile.Hold{{Guard: bad, Reason: bad, Pos: reconcile.Pos{File: bad, Line: 2}}},
		Fields: []reconcile.FieldChange{{Path: "env." + bad, From: bad, To: []string{bad}, Base: bad, Label: reconcile.Conflicting, Pos: reconcile.Pos{File: bad, Line: 3}}, {Path: bad, Unknown: bad}},
		Live:   live(bad, reconcile.Key("Container/"+bad), bad, &containerSpec{Image: bad}),
	}}
	p.Settling = []reconcile.Status{{Key: reconcile.Key(bad), Phase: reconcile.Failed, Detail: bad, Origins: []reconcile.Pos{{File: bad}}}}
	p.Unmanaged = []*reconcile.Resource{{Kind: bad, ID: bad, Name: bad, Scope: reconcile.Scope{Place: bad}}}
	p.Findings = []reconcile.Finding{{Class: bad, Severity: bad, Resource: bad, Field: bad, Git: says(bad), NetBox: says(bad), Live: says(bad), Winner: bad, Action: bad, Says: bad,
		URL: bad, Console: bad, LastChange: &reconcile.Author{Who: bad, Program: bad, Address: bad, Call: bad, Request: bad}, Pos: reconcile.Pos{File: bad, Line: 1}, Drift: true}}
	p.Receipts = []reconcile.Receipt{{Kind: bad, Reason: bad}, {Kind: bad, OutOfScope: true, Reason: bad}}
	return p
}

// broad has characters that fill two columns, or none.
func broad() *reconcile.Plan {
	p := base()
	p.Revision.Subject = "在庫サービスのメモリを増やす"
	p.Steps = []reconcile.Change{{
		Key: "Container/order-api", Kind: "Container", Action: reconcile.Update, Origins: origin("コンテナ/注文.yaml", 14),
		Fields: []reconcile.FieldChange{
			{Path: "env.variables.挨拶", From: "こんにちは世界", To: "さようなら世界、また明日お会いしましょう、それでは", Label: reconcile.Pending},
			{Path: "env.variables.CAFE", From: "cafe\u0301", To: "the\u0301", Label: reconcile.Drifted},
		},
		Live: live("1", "Container/order-api", lastRev, nil), Want: &reconcile.Wanted{Kind: containerKind},
	}}
	return p
}
