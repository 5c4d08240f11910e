package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// valueFields are what the values of some types of secrets must hold.
func valueFields() map[string][]string {
	return map[string][]string{
		"key_value":            nil,
		"basic_credentials":    {"username", "password"},
		"database_credentials": {"engine", "username", "password", "host", "dbname", "port"},
		"ssh_key":              {"ssh_private_key"},
	}
}

// misshapen says in which ways a value does not have the shape of its type, in
// the words of the API; "" if it has.
func misshapen(sort string, raw []byte) string {
	need, shaped := valueFields()[sort]
	if !shaped {
		return ""
	}
	var value any
	if err := decode(raw, &value); err != nil {
		return "- (root): value must be JSON\n"
	}
	object, ok := value.(doc)
	if !ok {
		return wrongType("(root)", "object", value)
	}
	var help strings.Builder
	for _, key := range need {
		if _, there := object[key]; !there {
			fmt.Fprintf(&help, "- (root): %s is required\n", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if _, isText := object[key].(string); !isText {
			help.WriteString(wrongType(key, "string", object[key]))
		}
	}
	return help.String()
}

func wrongType(where, want string, got any) string {
	sort := "null"
	switch got.(type) {
	case doc:
		sort = "object"
	case []any:
		sort = "array"
	case json.Number:
		sort = "number"
	case bool:
		sort = "boolean"
	case string:
		sort = "string"
	}
	return fmt.Sprintf("- %s: Invalid type. Expected: %s, given: %s\n", where, want, sort)
}
