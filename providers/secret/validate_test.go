package secret_test

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/secret"
)

func TestValidate(t *testing.T) {
	const canary = "canary-value"
	for _, test := range []struct {
		spec fields
		want string // part of the only error; "" is none
	}{
		{fields{"value": canary}, ""},
		{fields{"generate": fields{}}, ""},
		{fields{}, "needs a value or generate"},
		{fields{"value": ""}, "the secret is empty"},
		{fields{"value": canary, "generate": fields{}}, "exclude each other"},
		{fields{"value": fields{"valueFrom": fields{"env": "X"}}, "generate": fields{}}, "exclude each other"},
		{fields{"value": fields{"valueFrom": fields{"env": "X"}}}, ""},
		{fields{"value": canary, "name": "DATABASE_URL.2"}, ""},
		{fields{"value": canary, "name": "-x"}, "is no name"},
		{fields{"value": canary, "name": "a b"}, "is no name"},
		{fields{"value": canary, "path": "shop"}, "begins with /"},
		{fields{"value": canary, "type": "ssh"}, "type"},
		{fields{"value": canary, "type": "key_value"}, "no JSON map of texts"},
		{fields{"value": `{"a":"` + canary + `"}`, "type": "key_value"}, ""},
		{fields{"value": `{"a":{"b":"` + canary + `"}}`, "type": "key_value"}, "no JSON map of texts"},
		{fields{"value": `{"username":"` + canary + `"}`, "type": "basic_credentials"}, "lacks password"},
		{fields{"value": "-----BEGIN", "type": "certificate"}, ""},
		{fields{"value": strings.Repeat("x", 64<<10+1)}, "is longer than"},
		{fields{"generate": fields{}, "type": "key_value"}, "plain text"},
		{fields{"generate": fields{"length": 7}}, "length"},
		{fields{"generate": fields{"length": 8, "atLeast": 3}}, "do not fit into 8"},
		{fields{"generate": fields{"length": 9, "atLeast": 3, "special": ""}}, ""},
		{fields{"generate": fields{"special": "a"}}, "special characters only"},
		{fields{"generate": fields{"special": "!~/:@[`{"}}, ""},
		{fields{"generate": fields{"rotation": strings.Repeat("x", 65)}}, "65 characters long"},
	} {
		_, problems := expand("database", test.spec, secret.Kinds(nil))
		err := problems.Err()
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test.spec, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%v: %v, want %q", test.spec, err, test.want)
		case err != nil && strings.Contains(err.Error(), canary):
			t.Errorf("the error shows the value: %v", err)
		}
	}
}

// A value that stands in the manifest is a warning, which --strict makes an error.
func TestALiteralValueIsAWarning(t *testing.T) {
	_, problems := expand("database", fields{"value": "canary-value"}, secret.Kinds(nil))
	if len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].String(), "in clear") || strings.Contains(problems[0].String(), "canary") {
		t.Errorf("the problems are %v", problems)
	}
}
