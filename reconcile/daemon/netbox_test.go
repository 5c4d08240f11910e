package daemon_test

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

func TestNetBoxProblems(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"netbox.url = https://netbox.example.com\nnetbox.token.env = TOKEN\nnetbox.tenants = [shop]\nnetbox.writeBack = none", ""},
		{"netbox.tenants = [shop]", ""},
		{"netbox.url = https://netbox.example.com", "1:14: netbox.token: required, as {env: NAME} or {file: PATH}; values themselves never stand here"},
		{"netbox.url = http://netbox.example.com\nnetbox.token.env = TOKEN", "1:14: netbox.url: wants https, as the token would be sent in clear; plain http goes to this machine only"},
		{"netbox.url = http://127.0.0.1:8000/netbox\nnetbox.token.env = TOKEN", ""},
		{"netbox.url = https://me:word@netbox.example.com\nnetbox.token.env = TOKEN", "1:14: netbox.url: wants an address, such as https://netbox.example.com, without a user, query or fragment"},
		{"netbox.token.env = TOKEN", "1:20: netbox.token: is for the NetBox at url, which is not named here"},
		{"netbox.ca = /etc/ca.pem", "1:13: netbox.ca: is for the NetBox at url, which is not named here; the environment's is NETBOX_CA"},
		{"netbox.url = https://n.example.com\nnetbox.token.env = A\nnetbox.token.file = /b", "2:20: netbox.token: wants env or file, not both"},
		{"netbox.writeBack = all", `1:20: netbox.writeBack: "all" is none of direct, journal-only, none`},
		{"webhooks.0.name = netbox\nwebhooks.0.provider = netbox", "1:19: webhooks.netbox.secret: required, as {env: NAME} or {file: PATH}; values themselves never stand here"},
		{"webhooks.0.name = netbox\nwebhooks.0.provider = nautobot\nwebhooks.0.secret.env = A", `2:23: webhooks.netbox.provider: "nautobot" is none of gitlab, netbox`},
	} {
		_, problems := daemon.Decode(file(c.file))
		var got []string
		for _, p := range problems {
			got = append(got, strings.TrimPrefix(p.String(), "reconcile.yaml:"))
		}
		if (c.want != "") != (len(got) > 0) || c.want != "" && !slices.Contains(got, c.want) {
			t.Errorf("%s\ngot  %q\nwant %q", c.file, got, c.want)
		}
	}
}

// No stack writes more than the operator allows, and it is told where it would.
func TestNetBoxIsNarrowed(t *testing.T) {
	words := []string{"none", "journal-only", "direct"}
	for i, most := range words {
		for j, asked := range words {
			stack := reconcile.Stack{Pos: reconcile.Pos{File: "stack.yaml", Line: 1}, Inventory: reconcile.NewInventory()}
			stack.Inventory.WriteBack = asked
			notes := daemon.NetBox{WriteBack: most}.Narrow(&stack)
			if want := words[min(i, j)]; stack.Inventory.WriteBack != want || (len(notes) > 0) != (j > i) {
				t.Errorf("asked for %s, allowed %s: it is %s, and %v is said", asked, most, stack.Inventory.WriteBack, notes)
			}
			for _, note := range notes {
				if !note.Warning || note.Pos.IsZero() {
					t.Errorf("%v stops the stack, or says no place", note)
				}
			}
		}
	}
	bounds := daemon.NetBox{Tenants: []string{"shop"}, Sites: []string{"par"}, Tag: "ours", WriteBack: "direct"}.Bounds()
	if !bounds.Covers("shop", "par", []string{"ours"}) || bounds.Covers("other", "par", []string{"ours"}) || bounds.Covers("shop", "ams", []string{"ours"}) || bounds.Covers("shop", "par", nil) {
		t.Errorf("the bounds are %+v", bounds)
	}
}

// What is changed of NetBox in the operator's file is told, and no token.
func TestNetBoxChanges(t *testing.T) {
	decode := func(text string) daemon.Config {
		c, problems := daemon.Decode(file(text))
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		return c
	}
	before := decode("netbox.url = https://a.example.com\nnetbox.token.env = A\nnetbox.tenants = [shop]")
	after := decode("netbox.url = https://b.example.com\nnetbox.token.file = /b\nnetbox.tenants = [shop blog]\nnetbox.writeBack = none")
	got := strings.Join(daemon.Changes(before, after), "\n")
	for _, want := range []string{"url https://a.example.com -> https://b.example.com", "token env A -> file /b", "writeBack direct -> none", "tenants"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}
