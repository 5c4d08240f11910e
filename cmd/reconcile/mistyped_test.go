package main

import (
	"bytes"
	"strings"
	"testing"
)

// A job that has a verb or a flag wrong is red, and says what was meant.
func TestMistypedCommands(t *testing.T) {
	for line, want := range map[string]string{
		"plna":                     `reconcile has no verb "plna"; did you mean plan?`,
		"xyzzy":                    `reconcile has no verb "xyzzy"; reconcile --help shows all`,
		"policy tst":               `reconcile policy has no verb "tst"; did you mean test?`,
		"audit verfy":              `reconcile audit has no verb "verfy"; did you mean verify?`,
		"config xyzzy --store x":   `reconcile config has no verb "xyzzy"; reconcile config --help shows all`,
		"drift --fail-onn missing": "reconcile drift: unknown flag: --fail-onn; did you mean --fail-on?",
		"drift --xyzzy":            "reconcile drift: unknown flag: --xyzzy; reconcile drift --help shows all",
		"drift --until":            "reconcile drift: flag needs an argument: --until",
		"plan a b":                 "reconcile plan: too many arguments; it is reconcile plan [PATH|GIT-URL] [flags]",
		"set":                      "reconcile set: too few arguments; it is reconcile set KEY FIELD=VALUE... [PATH]",
		"token revoke":             "reconcile token revoke: too few arguments; it is reconcile token revoke ID",
		"config set":               "which value? give its name",
	} {
		var out, said bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &said, getenv: func(string) string { return "" }}
		if code := run(a, strings.Fields(line)); code != int(exitError) || out.Len() > 0 || !strings.HasPrefix(said.String(), want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("%s: %d, %q, %q; want %q", line, code, out.String(), said.String(), want)
		}
	}
}

// Help is not mistaken for a mistake.
func TestHelpIsNoMistake(t *testing.T) {
	for _, line := range []string{"", "--help", "audit", "audit --help", "help audit", "help plan", "audit xyzzy --help"} {
		var out, said bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &said, getenv: func(string) string { return "" }}
		if code := run(a, strings.Fields(line)); code != 0 || !strings.Contains(out.String(), "Usage:") || said.Len() > 0 {
			t.Errorf("%q: %d, %q, %q", line, code, out.String(), said.String())
		}
	}
}
