package web

import (
	"net/http"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An approval that would not count is refused with the reason: the author's, and
// that of a token of which nobody knows whose it is.
func TestApprovalsThatDoNotCountAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		token string // its name
		code  int
		why   string
	}{
		"the author":    {"R@Example.com", 403, "R@Example.com wrote the commit"},
		"somebody else": {"j.doe@example.com", 201, ""},
		"nobody":        {"laptop", 403, "laptop says nothing of whose it is"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			standing := r.store.standings[shop]
			standing.Quorum = &reconcile.Quorum{Count: 2, NotAuthor: true}
			standing.Revision.Author = "R. Leone <r@example.com>"
			r.store.standings[shop] = standing
			r.bear(reconcile.Token{ID: "id-x", Name: tt.token, Role: reconcile.Grant})
			body := `{"verb":"approve","stack":"shop-prod","value":"` + planHash + `"}`
			w := r.do(ask{method: http.MethodPost, path: "/api/v1/orders", token: tt.token, body: body})
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.why) {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
		})
	}
}

// bear adds a token to those of the store.
func (r *rig) bear(token reconcile.Token) {
	r.t.Helper()
	r.tokens[token.Name], token.Hash = reconcile.NewToken()
	if err := r.store.SaveToken(r.t.Context(), token); err != nil {
		r.t.Fatal(err)
	}
}

// Who makes a token through the API stays its bearer: nobody becomes two people by it.
func TestTokensMadeThroughTheAPIAreTheirMakers(t *testing.T) {
	maker := bearerOf(&reconcile.Token{Name: "j.doe@example.com"})
	made := bearerOf(&reconcile.Token{Name: "x@example.com", By: maker})
	again := bearerOf(&reconcile.Token{Name: "y@example.com", By: made})
	if maker.Email != "j.doe@example.com" || maker.Maker != "" || made.Maker != "j.doe@example.com" || again.Maker != "j.doe@example.com" {
		t.Errorf("got %+v, %+v, %+v", maker, made, again)
	}
	var orders []reconcile.Order
	for _, by := range []reconcile.Actor{maker, made, again} {
		orders = append(orders, reconcile.Order{Verb: reconcile.Approve, By: by})
	}
	if tally := (reconcile.Quorum{Count: 2}).Tally(orders, reconcile.Revision{}); tally.Missing() != 1 {
		t.Errorf("got %s", tally)
	}
	job := reconcile.Actor{Kind: "api", User: "jd", Email: "jane@example.com", Via: "shop"}
	orders = nil
	for _, by := range []reconcile.Actor{bearerOf(&reconcile.Token{Name: "z@example.com", By: job}), {Kind: "cli", User: "jd"}} {
		orders = append(orders, reconcile.Order{Verb: reconcile.Approve, By: by})
	}
	if tally := (reconcile.Quorum{Count: 2}).Tally(orders, reconcile.Revision{}); tally.Missing() != 1 {
		t.Errorf("a token's maker is another one by login: %s", tally)
	}
	if laptop := bearerOf(&reconcile.Token{Name: "laptop of <j.doe@example.com>", By: reconcile.Actor{Kind: "cli", User: "root"}}); laptop.Email != "" || laptop.Maker != "" {
		t.Errorf("got %+v", laptop)
	}
}

// The address of an ID token's person counts only if its issuer has checked it.
func TestMailOfIDTokens(t *testing.T) {
	for _, tt := range []struct {
		claims claims
		want   string
	}{
		{claims{"user_email": "j@example.com", "email": "x@example.com"}, "j@example.com"},
		{claims{"email": "j@example.com", "email_verified": "true"}, "j@example.com"},
		{claims{"email": "j@example.com", "email_verified": "false"}, ""},
		{claims{"user_login": "j"}, ""},
	} {
		if got := tt.claims.mail(); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.claims, got, tt.want)
		}
	}
}
