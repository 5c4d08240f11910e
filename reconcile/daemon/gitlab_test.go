package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

const gitlabFile = `
gitlab.0.name = lab
gitlab.0.url = https://gitlab.example.com
gitlab.0.token.env = LAB
gitlab.1.name = public
gitlab.1.url = http://127.0.0.1:8080
gitlab.1.token.file = /run/token
stacks.0.name = shop
stacks.0.url = https://gitlab.example.com/group/shop.git
stacks.1.name = blog
stacks.1.url = git@gitlab.example.com:group/sub/blog.git
stacks.2.name = mirror
stacks.2.url = ssh://git@git.internal:2222/group/mirror.git
stacks.2.gitlab = lab
stacks.3.name = elsewhere
stacks.3.url = https://github.example.com/group/x.git
stacks.4.name = folder
stacks.4.url = /srv/folder`

func TestGitLabOf(t *testing.T) {
	config, problems := daemon.Decode(file(gitlabFile))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []string{"lab group/shop", "lab group/sub/blog", "lab group/mirror", "", ""}
	for i, e := range config.Stacks {
		g, project, ok := config.GitLabOf(e)
		if got := strings.TrimSpace(g.Name + " " + project); got != want[i] || ok != (want[i] != "") {
			t.Errorf("%s is told to %q, want %q", e.Name, got, want[i])
		}
	}
	g := config.GitLab[0]
	if !g.Notes || !g.Statuses || !g.Deployments || !g.Issues || !g.Reverts || g.Commands != (daemon.Commands{Plan: "developer", Apply: "maintainer", Hold: "maintainer"}) || !g.Commands.Any() {
		t.Errorf("by default %+v", g)
	}
	if (daemon.Commands{Plan: "off", Apply: "off", Hold: "off"}).Any() {
		t.Error("what is off is heeded")
	}
}

func TestGitLabProblems(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"no token", "gitlab.0.token.env = LAB", "gitlab.0.notes = false", "1:17: gitlab.lab.token: required, as {env: NAME} or {file: PATH}; values themselves never stand here"},
		{"token in clear", "gitlab.0.token.env = LAB", "gitlab.0.token = topsecret", "3:18: gitlab.lab.token: wants a map, got a string"},
		{"in clear on the wire", "http://127.0.0.1:8080", "http://gitlab.internal", "5:16: gitlab.public.url: wants https, as the token would be sent in clear; plain http goes to this machine only"},
		{"user", "https://gitlab.example.com\n", "https://me:pass@gitlab.example.com\n", "2:16: gitlab.lab.url: wants an address, such as https://gitlab.com, without a user, query or fragment"},
		{"of the API", "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v4", "5:16: gitlab.public.url: wants the address of GitLab itself, without /api/v4"},
		{"same host", "http://127.0.0.1:8080", "https://gitlab.example.com/x", "5:16: gitlab.public.url: is at the same host as lab, so nobody could tell which one has a stack's repository"},
		{"no such", "stacks.2.gitlab = lab", "stacks.2.gitlab = lap", `13:19: stacks.mirror.gitlab: there is no gitlab "lap"; did you mean lab?`},
		{"a folder's", "stacks.4.url = /srv/folder", "stacks.4.url = /srv/folder\nstacks.4.gitlab = lab", "18:19: stacks.folder.gitlab: the repository is a folder, so GitLab has no project of it"},
		{"no GitLab to anchor at", gitlabFile, "checkpoints.anchors.0.type = gitlab-status", "1:30: checkpoints.anchors.0: needs a gitlab in this file"},
		{"role", "gitlab.1.token.file = /run/token", "gitlab.1.token.file = /run/token\ngitlab.1.commands.apply = guest", `7:27: gitlab.public.commands.apply: "guest" is none of off, developer, maintainer, owner`},
		{"unknown", "gitlab.1.token.file = /run/token", "gitlab.1.token.file = /run/token\ngitlab.1.note = false", `7:17: unknown field "gitlab.public.note"; did you mean notes?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(gitlabFile, tt.from, tt.to, 1)
			if text == gitlabFile {
				t.Fatal("the test changes nothing")
			}
			_, problems := daemon.Decode(file(text))
			if !slices.ContainsFunc(problems, func(p reconcile.Problem) bool { return strings.HasPrefix(p.String(), "reconcile.yaml:"+tt.want) }) {
				t.Errorf("got  %v\nwant %s", problems, tt.want)
			}
			if strings.Contains(problems.Error(), "topsecret") || strings.Contains(problems.Error(), "me:pass") {
				t.Errorf("a secret is printed: %v", problems)
			}
		})
	}
}

func TestGitLabChanges(t *testing.T) {
	before, _ := daemon.Decode(file(gitlabFile))
	after, _ := daemon.Decode(file(strings.NewReplacer("env = LAB", "env = OTHER", "gitlab.1.name = public", "gitlab.1.name = mine").Replace(gitlabFile) +
		"\ngitlab.0.commands.apply = off\nstacks.0.environment = production"))
	want := []string{"GitLab lab: commands.apply maintainer -> off", "GitLab lab: token env LAB -> env OTHER", "GitLab mine added", "GitLab public removed", "stack shop: environment nothing -> production"}
	if got := daemon.Changes(before, after); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
