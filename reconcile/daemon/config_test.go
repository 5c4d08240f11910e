package daemon_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// file makes a node of settings in short, each on a line of its own: "stacks.0.name = shop".
// A value in brackets is a list of texts.
func file(text string) *reconcile.Node {
	root := reconcile.Map(reconcile.Pos{File: "reconcile.yaml", Line: 1, Col: 1})
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		path, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		at := reconcile.Pos{File: "reconcile.yaml", Line: i + 1, Col: len(path) + 4}
		root = place(root, strings.Split(path, "."), scalar(value, at), at)
	}
	return root
}

func scalar(text string, at reconcile.Pos) *reconcile.Node {
	if list, ok := strings.CutPrefix(text, "["); ok {
		n := reconcile.List(at)
		for word := range strings.FieldsSeq(strings.TrimSuffix(list, "]")) {
			n.Items = append(n.Items, reconcile.String(word, at))
		}
		return n
	}
	n := reconcile.String(text, at)
	switch {
	case text == "true" || text == "false":
		n.Kind = reconcile.BoolNode
	case strings.Trim(text, "-0123456789") == "":
		n.Kind = reconcile.IntNode
	}
	return n
}

// place puts a value where a path says; a number is a place in a list.
func place(n *reconcile.Node, path []string, value *reconcile.Node, at reconcile.Pos) *reconcile.Node {
	if len(path) == 0 {
		return value
	}
	if strings.Trim(path[0], "0123456789") == "" {
		i := int(path[0][0] - '0')
		out := reconcile.List(at)
		if n != nil {
			out.Pos, out.Items = n.Pos, slices.Clone(n.Items)
		}
		for len(out.Items) <= i {
			out.Items = append(out.Items, reconcile.Map(at))
		}
		out.Items[i] = place(out.Items[i], path[1:], value, at)
		return out
	}
	if n == nil {
		n = reconcile.Map(at)
	}
	return n.With(reconcile.Entry{Key: path[0], Pos: at, Value: place(n.Get(path[0]), path[1:], value, at)})
}

const whole = `
listen = 0.0.0.0:8443
url = https://reconcile.example.com
store.postgres.env = DATABASE
credentials.0.name = main
credentials.0.accessKey.env = KEY
credentials.0.secretKey.file = /run/secret
git.0.name = gitlab
git.0.host = gitlab.example.com
git.0.token.env = TOKEN
defaults.poll = 1m
defaults.credential = main
defaults.bounds.prune = false
defaults.bounds.env = [APP_*]
stacks.0.name = shop
stacks.0.url = https://gitlab.example.com/group/shop.git
stacks.0.branch = main
stacks.0.bounds.maxDeletes = 2
stacks.1.name = blog
stacks.1.url = git@gitlab.example.com:group/blog.git
stacks.1.poll = 10m
stacks.1.windows.0.schedule = 0 8 * * 1-5
stacks.1.windows.0.duration = 9h
windows.0.kind = deny
windows.0.schedule = 0 0 24 12 *
windows.0.duration = 3d
webhooks.0.name = gitlab
webhooks.0.secret.env = HOOK
notify.0.name = ops
notify.0.type = slack
notify.0.url.env = SLACK
notify.0.stacks = [sh*]
notify.0.events = [run-failed recovered]
oidc.0.issuer = https://gitlab.example.com
oidc.0.audience = reconcile
oidc.0.claims.project_path = group/shop
retention.records = 400d
retention.export = /var/lib/export
checkpoints.key.file = /var/lib/key.pem
checkpoints.anchors.0.path = /mnt/anchors`

func TestDecode(t *testing.T) {
	c, problems := daemon.Decode(file(whole))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	shop, _ := c.Stack("shop")
	blog, _ := c.Stack("blog")
	if shop.Poll != time.Minute || shop.Credential != "main" || shop.Bounds.Prune || shop.Bounds.MaxDeletes != 2 || !slices.Equal(shop.Bounds.Env, []string{"APP_*"}) {
		t.Errorf("what stands in defaults is each stack's, field by field; got %+v", shop)
	}
	if blog.Poll != 10*time.Minute || blog.Schedule != "*/10 * * * *" || blog.Advance != "fast-forward-only" || blog.Mode != "auto" || blog.Bounds.MaxDeletes != -1 {
		t.Errorf("got %+v", blog)
	}
	windows := c.WindowsOf(blog)
	if len(windows) != 2 || windows[0].Kind != "deny" || windows[0].Duration != 72*time.Hour || windows[1].Kind != "allow" || windows[1].Pos.Line != 21 {
		t.Errorf("got %+v", windows)
	}
	if git, ok := c.GitOf(blog); !ok || git.Name != "gitlab" {
		t.Errorf("a stack without a git credential has the one of its host; got %+v", git)
	}
	if cred, ok := c.CredentialOf(shop); !ok || cred.AccessKey.String() != "env KEY" || c.Checkpoints.Key.String() != "file /var/lib/key.pem" {
		t.Errorf("got %+v", cred)
	}
	if !reflect.DeepEqual(c.Names(), []string{"shop", "blog"}) || c.Retention.Records != 400*24*time.Hour || c.Retention.Runs != 90*24*time.Hour {
		t.Errorf("got %+v", c)
	}
	if _, problems := daemon.Decode(nil); len(problems) > 0 {
		t.Errorf("a file without anything: %v", problems)
	}
}

func TestDecodeProblems(t *testing.T) {
	tests := []struct{ name, from, to, want string }{
		{"unknown field", "stacks.1.poll = 10m", "stacks.1.pol = 10m", `20:16: unknown field "stacks.blog.pol"; did you mean poll?`},
		{"duration", "stacks.1.poll = 10m", "stacks.1.poll = often", `20:17: stacks.blog.poll: wants a duration, such as 30s, 10m, 4h or 90d, got "often"`},
		{"once for defaults", "defaults.poll = 1m", "defaults.poll = often", `10:17: defaults.poll: wants a duration, such as 30s, 10m, 4h or 90d, got "often"`},
		{"poll", "stacks.1.poll = 10m", "stacks.1.poll = 1ms", `20:17: stacks.blog.poll: wants at least 1s`},
		{"mode", "stacks.0.branch = main", "stacks.0.mode = manual", `16:17: stacks.shop.mode: "manual" is none of auto, propose, observe`},
		{"credential", "defaults.credential = main", "stacks.1.credential = mian", `11:23: stacks.blog.credential: there is no credential "mian"; did you mean main?`},
		{"git", "stacks.0.branch = main", "stacks.0.git = github", `16:16: stacks.shop.git: there is no git credential "github"; did you mean gitlab?`},
		{"name", "stacks.0.name = shop", "stacks.0.name = Shop!", `14:17: stacks.Shop!: name "Shop!": use 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit`},
		{"no name", "stacks.0.name = shop", "stacks.0.branch = main", `14:19: stacks.0.name: required, but missing`},
		{"twice", "stacks.1.name = blog", "stacks.1.name = shop", `18:17: stacks: "shop" stands here twice`},
		{"password in URL", "https://gitlab.example.com/group/shop.git", "https://me:pass@gitlab.example.com/shop.git", `15:16: stacks.shop.url: holds a user or password; use git: and a token by reference`},
		{"scheme", "https://gitlab.example.com/group/shop.git", "ftp://gitlab.example.com/shop.git", `15:16: stacks.shop.url: wants https://, ssh:// or a folder`},
		{"path", "stacks.0.branch = main", "stacks.0.path = ../other", `16:17: stacks.shop.path: wants a folder inside the repository, such as stacks/shop`},
		{"cron", "stacks.1.poll = 10m", "stacks.1.schedule = hourly", `20:21: stacks.blog.schedule: schedule "hourly": expected exactly 5 fields, found 1: [hourly]; use cron's five fields, such as 0 2 * * *`},
		{"never", "stacks.1.poll = 10m", "stacks.1.schedule = 0 0 31 2 *", `20:21: stacks.blog.schedule: schedule "0 0 31 2 *" never comes true`},
		{"zone", "stacks.1.poll = 10m", "stacks.1.timeZone = Europe/Pari", `20:21: stacks.blog.timeZone: there is no time zone "Europe/Pari"; use a name such as Europe/Paris`},
		{"window", "stacks.1.windows.0.duration = 9h", "stacks.1.windows.0.duration = 90d", `21:31: stacks.blog.windows.0: duration 2160h0m0s: wants 1m to 31d`},
		{"secret in clear", "credentials.0.secretKey.file = /run/secret", "credentials.0.secretKey = topsecret", `6:27: credentials.main.secretKey: wants a map, got a string`},
		{"no secret", "credentials.0.secretKey.file = /run/secret", "credentials.0.rate = 5", `4:22: credentials.main.secretKey: required, as {env: NAME} or {file: PATH}; values themselves never stand here`},
		{"both", "store.postgres.env = DATABASE", "store.path = /var/lib\nstore.postgres.env = DATABASE", `3:14: store: wants a path or postgres, not both`},
		{"key in the environment", "checkpoints.key.file", "checkpoints.key.env", `38:23: checkpoints.key: wants a file`},
		{"pattern", "notify.0.stacks = [sh*]", "notify.0.stacks = [shp]", `31:19: notify.ops.stacks: there is no stack "shp"; did you mean shop?`},
		{"event", "[run-failed recovered]", "[run-faild]", `32:19: notify.ops.events: there is no event "run-faild"; did you mean run-failed?`},
		{"urgency", "notify.0.events = [run-failed recovered]", "notify.0.least = error", `32:18: notify.ops.least: "error" is none of info, warning, critical`},
		{"a secret of no webhook", "checkpoints.anchors.0.path = /mnt/anchors", "checkpoints.anchors.0.path = /mnt/anchors\ncheckpoints.anchors.0.secret.env = X", `40:36: checkpoints.anchors.0.secret: is for a webhook; nothing else is signed with it`},
		{"claims", "oidc.0.claims.project_path = group/shop", "oidc.0.role = read", `33:17: oidc.0.claims: required: without any, every project of the issuer would be let in; such as project_path: group/shop`},
		{"a claim's pattern", "oidc.0.claims.project_path = group/shop", "oidc.0.claims.project_path = group/*", `35:30: oidc.0.claims.project_path: wants a value, which is compared word for word; "group/*" is a pattern or empty`},
		{"issuer", "oidc.0.issuer = https://gitlab.example.com", "oidc.0.issuer = http://gitlab.example.com", `33:17: oidc.0.issuer: wants an https address`},
		{"export", "retention.export = /var/lib/export", "retention.runs = 30d", `36:21: retention.records: needs retention.export, a folder to keep them in`},
		{"listen", "listen = 0.0.0.0:8443", "listen = 8443x", `1:10: listen: wants an address and a port, such as 127.0.0.1:7373, got "8443x"`},
		{"same folder", "stacks.1.url = git@gitlab.example.com:group/blog.git", "stacks.1.url = https://gitlab.example.com/group/shop.git\nstacks.1.branch = main", `18:17: stacks.blog: is the same folder of the same branch as shop`},
		{"lookup", "listen = 0.0.0.0:8443", "listen.valueFrom.env = X", `1:24: listen: wants a plain value; nothing is looked up or referred to here`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(whole, tt.from, tt.to, 1)
			if text == whole {
				t.Fatal("the test changes nothing")
			}
			_, problems := daemon.Decode(file(text))
			if !slices.ContainsFunc(problems, func(p reconcile.Problem) bool { return p.String() == "reconcile.yaml:"+tt.want }) {
				t.Errorf("got  %v\nwant %s", problems, tt.want)
			}
			if strings.Contains(problems.Error(), "topsecret") || strings.Contains(problems.Error(), "me:pass") {
				t.Errorf("a secret is printed: %v", problems)
			}
			if tt.name == "once for defaults" && len(problems) != 1 {
				t.Errorf("said again for each stack: %v", problems)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	before, _ := daemon.Decode(file(whole))
	text := strings.NewReplacer("defaults.poll = 1m", "defaults.poll = 30s", "stacks.0.branch = main", "stacks.0.branch = prod",
		"credentials.0.secretKey.file = /run/secret", "credentials.0.secretKey.file = /run/other", "windows.0.duration = 3d", "windows.0.duration = 2d",
		"notify.0.name = ops", "notify.0.name = team", "[APP_*]", "[APP_* WEB_*]").Replace(whole)
	after, problems := daemon.Decode(file(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []string{
		"credential main: secretKey file /run/secret -> file /run/other",
		"receiver ops removed",
		"receiver team added",
		"stack blog: bounds.env APP_* -> APP_* WEB_*",
		"stack shop: bounds.env APP_* -> APP_* WEB_*",
		"stack shop: branch main -> prod",
		"stack shop: poll 1m0s -> 30s",
		"windows deny 0 0 24 12 * for 72h0m0s UTC -> deny 0 0 24 12 * for 48h0m0s UTC",
	}
	if got := daemon.Changes(before, after); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := daemon.Changes(before, before); len(got) > 0 {
		t.Errorf("nothing changed, but: %v", got)
	}
}

func TestTightenNeverLoosens(t *testing.T) {
	modes := []string{"auto", "propose", "observe"}
	for i, repository := range modes {
		for j, operator := range modes {
			s := reconcile.Stack{Policy: reconcile.Policy{Mode: repository, MaxDeletes: -1}}
			notes, problems := daemon.Tighten(&s, daemon.Entry{Mode: operator, Bounds: daemon.Bounds{Prune: true, MaxDeletes: -1}})
			if want := modes[max(i, j)]; s.Policy.Mode != want || (len(notes) > 0) != (j > i) || problems != nil {
				t.Errorf("repository %s, operator %s: got %s (%q, %v), want %s", repository, operator, s.Policy.Mode, notes, problems, want)
			}
		}
	}
	s := reconcile.Stack{Policy: reconcile.Policy{Mode: "auto", Prune: false, MaxDeletes: 2, RepairAfter: time.Hour}}
	notes, _ := daemon.Tighten(&s, daemon.Entry{Mode: "auto", RepairAfter: time.Minute, Bounds: daemon.Bounds{Prune: true, MaxDeletes: 5}})
	if s.Policy.Prune || s.Policy.MaxDeletes != 2 || s.Policy.RepairAfter != time.Hour || len(notes) > 0 {
		t.Errorf("wider bounds change nothing; got %+v, %q", s.Policy, notes)
	}
}

// What the operator asks for counts besides what the repository does, each rule at its line.
func TestBoundsHaveRulesAndApprovals(t *testing.T) {
	config, problems := daemon.Decode(file(`
defaults.bounds.rules.requiredLabels = [team]
defaults.bounds.approvals.notAuthor = true
stacks.0.name = shop
stacks.0.url = https://gitlab.example.com/shop.git
stacks.0.mode = propose
stacks.0.bounds.rules.registries = [rg.fr-par.scw.cloud/shop]
stacks.0.bounds.approvals.count = 2`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	own := reconcile.Rules{Regions: []string{"fr-par"}}
	s := reconcile.Stack{Policy: reconcile.Policy{Mode: "auto", Rules: own, Quorum: reconcile.Quorum{Count: 1, NotCommitter: true}}}
	notes, _ := daemon.Tighten(&s, config.Stacks[0])
	again, _ := daemon.Tighten(&s, config.Stacks[0])
	if len(notes) != 2 || notes[1] != "a plan needs the approval of 2 people, not the author of the commit, not who committed it: the operator asks for more than the repository" || len(again) != 0 {
		t.Errorf("noted %q, then %q", notes, again)
	}
	if len(s.Policy.Bounds) != 1 || !reflect.DeepEqual(s.Policy.Rules, own) {
		t.Fatalf("got %+v", s.Policy)
	}
	bounds := s.Policy.Bounds[0]
	if !slices.Equal(bounds.RequiredLabels, []string{"team"}) || !slices.Equal(bounds.Registries, []string{"rg.fr-par.scw.cloud/shop"}) || bounds.MaxMonthlyEUR != -1 {
		t.Errorf("got %+v", bounds)
	}
	if bounds.At["requiredLabels"].Line != 1 || bounds.At["registries"].Line != 6 || len(bounds.At) != 2 || s.Policy.Quorum.Pos.Line == 0 {
		t.Errorf("the rules stand at %v, approvals at %s", bounds.At, s.Policy.Quorum.Pos)
	}
	_, problems = daemon.Decode(file(`
stacks.0.name = shop
stacks.0.url = https://gitlab.example.com/shop.git
stacks.0.bounds.rules.registries = [nginx]
stacks.0.bounds.approvals.count = 0`))
	if len(problems) != 2 || problems[1].Pos.Line != 3 || !strings.Contains(problems[1].Message, `stacks.shop.bounds.rules.registries: "nginx": wants beginnings of references`) {
		t.Errorf("got %v", problems)
	}
}
