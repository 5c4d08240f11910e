package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// anyText takes a string of at most limit characters; 0 is no limit.
func anyText(limit int) form {
	return func(e *edit, path string, sent, _ any) any {
		s, ok := sent.(string)
		if !ok {
			return e.refuse(path, "format", "value must be a string")
		}
		if limit > 0 && len([]rune(s)) > limit {
			return e.refuse(path, "constraint", fmt.Sprintf("value must have at most %d characters", limit))
		}
		return s
	}
}

// filledText takes a string that is not empty; the empty one counts as not sent.
func filledText(limit int) form {
	plain := anyText(limit)
	return func(e *edit, path string, sent, old any) any {
		if sent == "" {
			return unset{}
		}
		return plain(e, path, sent, old)
	}
}

var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// labelText takes a name that may be part of a host name.
func labelText(limit int) form {
	filled := filledText(limit)
	return func(e *edit, path string, sent, old any) any {
		v := filled(e, path, sent, old)
		if s, ok := v.(string); ok && !label.MatchString(s) {
			return e.refuse(path, "format", "value must match "+label.String())
		}
		return v
	}
}

func uuidText(e *edit, path string, sent, _ any) any {
	if sent == "" {
		return unset{}
	}
	s, _ := sent.(string)
	if !isUUID(s) {
		return e.refuse(path, "format", "value must be a valid UUID")
	}
	return strings.ToLower(s)
}

// detachable takes an id, or the empty string that takes the field away.
func detachable(e *edit, path string, sent, old any) any {
	if sent == "" {
		return absent{}
	}
	return uuidText(e, path, sent, old)
}

func isUUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// oneOf takes one of some words; "unknown_..." and "" count as not sent.
func oneOf(words ...string) form {
	return func(e *edit, path string, sent, _ any) any {
		s, ok := sent.(string)
		switch {
		case ok && (s == "" || strings.HasPrefix(s, "unknown_")):
			return unset{}
		case !slices.Contains(words, s):
			return e.refuse(path, "format", "value must be one of "+strings.Join(words, ", "))
		}
		return s
	}
}

func boolean(e *edit, path string, sent, _ any) any {
	if _, ok := sent.(bool); !ok {
		return e.refuse(path, "format", "value must be a boolean")
	}
	return sent
}

// number takes a whole number from least to most.
func number(least, most int64) form {
	return func(e *edit, path string, sent, _ any) any {
		digits, _ := sent.(json.Number)
		n, err := digits.Int64()
		if err != nil {
			return e.refuse(path, "format", "value must be a whole number")
		}
		if n < least || n > most {
			return e.refuse(path, "constraint", fmt.Sprintf("value must be from %d to %d", least, most))
		}
		return json.Number(strconv.FormatInt(n, 10))
	}
}

func textList(e *edit, path string, sent, _ any) any {
	list, ok := sent.([]any)
	for _, v := range list {
		_, isText := v.(string)
		ok = ok && isText
	}
	if !ok {
		return e.refuse(path, "format", "value must be a list of strings")
	}
	return sent
}

func textMap(e *edit, path string, sent, _ any) any {
	m, ok := sent.(doc)
	for _, v := range m {
		_, isText := v.(string)
		ok = ok && isText
	}
	if !ok {
		return e.refuse(path, "format", "value must be a map of strings")
	}
	return sent
}

// sealedMap takes a map whose values were replaced by their hashes. It replaces
// the stored map, but an empty value keeps what is stored under its key.
func sealedMap(e *edit, path string, sent, old any) any {
	if _, bad := textMap(e, path, sent, old).(unset); bad {
		return unset{}
	}
	stored, _ := old.(doc)
	out := doc{}
	for key, v := range sent.(doc) {
		if v == "" && stored[key] != nil {
			v = stored[key]
		}
		out[key] = v
	}
	return out
}

// duration takes "300.000000000s" and stores "300s".
func duration(e *edit, path string, sent, _ any) any {
	s, _ := sent.(string)
	d, err := time.ParseDuration(s)
	if err != nil || !strings.HasSuffix(s, "s") || d < 0 {
		return e.refuse(path, "format", "value must be a duration in seconds, as in 300s")
	}
	for _, digits := range []int{0, 3, 6} {
		if unit := time.Duration(1e9 / pow10(digits)); d%unit == 0 {
			return strconv.FormatFloat(d.Seconds(), 'f', digits, 64) + "s"
		}
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 9, 64) + "s"
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func timestamp(e *edit, path string, sent, _ any) any {
	s, _ := sent.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return e.refuse(path, "format", "value must be an RFC 3339 date")
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// nested takes an object with fields of its own; on an update those left out stay.
func nested(fields ...field) form {
	return func(e *edit, path string, sent, old any) any {
		s, ok := sent.(doc)
		if !ok {
			return e.refuse(path, "format", "value must be an object")
		}
		if stored, ok := old.(doc); ok {
			return e.update(fields, s, stored, path+".")
		}
		return e.create(fields, s, path+".")
	}
}

// choice takes an object with exactly one of some keys, whose value has a form.
func choice(forms map[string]form) form {
	return func(e *edit, path string, sent, _ any) any {
		s, ok := sent.(doc)
		out := doc{}
		for key, f := range forms {
			if s[key] != nil {
				out[key] = f(e, path+"."+key, s[key], nil)
			}
		}
		if !ok || len(out) != 1 {
			return e.refuse(path, "constraint", "value must be an object with exactly one option")
		}
		return out
	}
}
