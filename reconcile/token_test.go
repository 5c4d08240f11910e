package reconcile

import (
	"strings"
	"testing"
	"time"
)

func TestNewToken(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret, hash := NewToken()
		if seen[secret] || len(secret) != len(TokenPrefix)+43 || !strings.HasPrefix(secret, TokenPrefix) {
			t.Fatalf("%q is no fresh token", secret)
		}
		seen[secret] = true
		if len(hash) != 64 || hash != HashToken(secret) {
			t.Fatalf("%q is not the hash of the token", hash)
		}
		token := Token{Hash: hash}
		if !token.Bears(HashToken(secret)) || token.Bears(HashToken(secret+"x")) || token.Bears("") {
			t.Fatal("a token's hash is not told from others")
		}
	}
	if (Token{}).Bears("") {
		t.Error("a token without a hash lets the empty one in")
	}
}

func TestTokenLives(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		token Token
		want  bool
	}{
		{"for ever", Token{}, true},
		{"not yet expired", Token{Expires: now.Add(time.Second)}, true},
		{"expired this moment", Token{Expires: now}, false},
		{"expired", Token{Expires: now.Add(-time.Hour)}, false},
		{"revoked", Token{Revoked: now.Add(-time.Hour), Expires: now.Add(time.Hour)}, false},
	} {
		if got := c.token.Lives(now); got != c.want {
			t.Errorf("%s: lives is %v", c.name, got)
		}
	}
}

func TestTokenCovers(t *testing.T) {
	for _, c := range []struct {
		stacks string
		name   string
		want   bool
	}{
		{"", "shop-prod", true},
		{"shop-prod", "shop-prod", true},
		{"shop-prod", "shop-prod2", false},
		{"shop-*", "shop-prod", true},
		{"net, shop-*", "shop-prod", true},
		{"shop-*", "shopprod", false},
		{"*", "team/shop", false},
		{"[", "shop", false},
	} {
		token := Token{}
		if c.stacks != "" {
			token.Stacks = strings.Split(c.stacks, ", ")
		}
		if got := token.Covers(c.name); got != c.want {
			t.Errorf("%q covers %q: %v", c.stacks, c.name, got)
		}
	}
}
