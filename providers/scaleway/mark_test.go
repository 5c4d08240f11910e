package scaleway_test

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

var mark = reconcile.Mark{Stack: "shop-prod", UID: "5b0c11aa", Key: "Container/api/Trigger/nightly", Rev: "4f2a91c0000000000000000000000000000000ff"}

func TestTags(t *testing.T) {
	got := scaleway.Tags(mark, []string{"team=web"}, []string{"theirs", "reconcile:stack=other", "reconcile:rev=old", "reconcile:trigger=7", "team=web"})
	want := []string{
		"reconcile:stack=shop-prod.5b0c11aa", "reconcile:key=Container/api/Trigger/nightly",
		"reconcile:rev=4f2a91c0000000000000000000000000000000ff", "team=web", "theirs", "reconcile:trigger=7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestParseTags(t *testing.T) {
	for _, test := range []struct {
		name   string
		tags   []string
		mark   reconcile.Mark
		others []string
	}{
		{"none", nil, reconcile.Mark{}, nil},
		{"others only", []string{"a", "reconcile:trigger=x"}, reconcile.Mark{}, []string{"a", "reconcile:trigger=x"}},
		{"any order", []string{"reconcile:rev=1+", "a", "reconcile:key=Container/api", "reconcile:stack=shop.5b0c11aa"},
			reconcile.Mark{Stack: "shop", UID: "5b0c11aa", Key: "Container/api", Rev: "1+"}, []string{"a"}},
		{"without a uid", []string{"reconcile:stack=shop", "reconcile:key=Container/api", "reconcile:rev=1"},
			reconcile.Mark{Stack: "shop", Key: "Container/api", Rev: "1"}, nil},
		{"a name with a dot", []string{"reconcile:stack=shop.eu", "reconcile:key=Container/api"}, reconcile.Mark{Stack: "shop.eu", Key: "Container/api"}, nil},
		{"no key", []string{"reconcile:stack=shop", "reconcile:rev=1"}, reconcile.Mark{}, nil},
		{"no stack", []string{"reconcile:key=Container/api", "reconcile:rev=1"}, reconcile.Mark{}, nil},
		{"two owners", []string{"reconcile:stack=a", "reconcile:stack=b", "reconcile:key=Container/api", "x"}, reconcile.Mark{}, []string{"x"}},
		{"twice the same", []string{"reconcile:stack=a", "reconcile:stack=a", "reconcile:key=Container/api"}, reconcile.Mark{Stack: "a", Key: "Container/api"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			mark, others := scaleway.ParseTags(test.tags)
			if mark != test.mark || !slices.Equal(others, test.others) {
				t.Errorf("got %+v, %q", mark, others)
			}
		})
	}
}

func TestAKeyThatDoesNotFit(t *testing.T) {
	long := mark
	long.Key = reconcile.Key("App/" + strings.Repeat("a", 300))
	for _, tag := range scaleway.Tags(long, nil, nil) {
		if len(tag) > scaleway.LongestTag {
			t.Errorf("a tag of %d characters", len(tag))
		}
	}
	got, _ := scaleway.ParseTags(scaleway.Tags(long, nil, nil))
	if got.Key != long.Key.Digest() || got.Owner() != long.Owner() || got.Rev != long.Rev {
		t.Errorf("got %+v", got)
	}
}

func TestMarkText(t *testing.T) {
	for _, text := range []string{"", "nightly report", "two  spaces", "ends with space "} {
		whole, err := scaleway.MarkText(mark, text, 255)
		if err != nil {
			t.Fatal(err)
		}
		got, rest := scaleway.ParseText(whole)
		if got != mark || rest != text {
			t.Errorf("%q comes back as %q with %+v", text, rest, got)
		}
	}
	if _, err := scaleway.MarkText(mark, strings.Repeat("x", 200), 255); err == nil {
		t.Error("a description that leaves no room is taken")
	}
	whole, err := scaleway.MarkText(mark, strings.Repeat("x", 122), 255)
	if err != nil || len(whole) > 255 {
		t.Fatalf("%d characters, %v", len(whole), err)
	}
	if got, _ := scaleway.ParseText(whole); got.Key != mark.Key.Digest() {
		t.Errorf("got %+v", got)
	}
	if got, rest := scaleway.ParseText("somebody's text, not reconcile:stack=x"); !got.IsZero() || rest == "" {
		t.Errorf("got %+v, %q", got, rest)
	}
}

func FuzzTags(f *testing.F) {
	f.Add("shop", "5b0c11aa", "Container/api", "4f2a91c", "theirs", "x=y")
	f.Add("\n", "00000000", "0", "0", "0", "0")
	f.Fuzz(func(t *testing.T, stack, uid, key, rev, other, label string) {
		if stack == "" || key == "" || len(uid) != 8 || strings.Trim(uid, "0123456789abcdef") != "" {
			return
		}
		mark := reconcile.Mark{Stack: stack, UID: uid, Key: reconcile.Key(key), Rev: rev}
		tags := scaleway.Tags(mark, []string{label}, []string{other})
		got, others := scaleway.ParseTags(tags)
		if len("reconcile:key=")+len(key) > scaleway.LongestTag {
			mark.Key = mark.Key.Digest()
		}
		if got != mark {
			t.Fatalf("%q give %+v, want %+v", tags, got, mark)
		}
		if again := scaleway.Tags(got, nil, others); !slices.Equal(again, tags) {
			t.Fatalf("%q become %q", tags, again)
		}
	})
}

func TestShortName(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"api", "api"},
		{strings.Repeat("a", 34), strings.Repeat("a", 34)},
		{strings.Repeat("a", 35), strings.Repeat("a", 28) + "-9f65a"},
		{"abcdefghijklmnopqrstuvwxyza-----bcd", "abcdefghijklmnopqrstuvwxyza-"},
	} {
		got, notice := scaleway.ShortName(test.name, 34)
		if !strings.HasPrefix(got, test.want[:min(len(test.want), 28)]) || len(got) > 34 || strings.Contains(got, "--") {
			t.Errorf("%q becomes %q", test.name, got)
		}
		if (got == test.name) != (notice == "") {
			t.Errorf("%q becomes %q with the notice %q", test.name, got, notice)
		}
		if again, _ := scaleway.ShortName(test.name, 34); again != got {
			t.Error("it is not always the same")
		}
	}
}
