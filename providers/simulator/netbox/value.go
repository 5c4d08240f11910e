package netbox

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// read checks what was sent for a field and gives what is stored. The text is
// what is wrong with it, "" if nothing.
func (x *tx) read(f *field, sent any) (any, string) {
	if sent == nil {
		return readNull(f)
	}
	switch f.form {
	case formText:
		return x.readText(f, sent)
	case formNumber:
		return readNumber(f, sent)
	case formDecimal:
		return readDecimal(f, sent)
	case formBool:
		return readBool(sent)
	case formChoice:
		return readChoice(f, sent)
	case formRef:
		return x.readRef(f, sent)
	case formRefs:
		return x.readRefs(f, sent)
	case formType:
		return x.readType(f, sent)
	case formTypes:
		return x.readTypes(f, sent)
	case formNet:
		return readNet(f, sent)
	case formMAC:
		return readMAC(sent)
	case formTexts, formNumbers:
		return readList(f, sent)
	case formTime:
		return readTime(sent)
	}
	return plainJSON(sent), ""
}

func readNull(f *field) (any, string) {
	switch {
	case f.null:
		return nil, ""
	case f.form == formChoice:
		return nil, "This field may not be blank."
	}
	return nil, "This field may not be null."
}

func (x *tx) readText(f *field, sent any) (any, string) {
	var s string
	switch v := sent.(type) {
	case string:
		s = strings.TrimSpace(v)
	case json.Number:
		s = v.String()
	default:
		return nil, "Not a valid string."
	}
	switch {
	case s == "" && !f.blank:
		return nil, "This field may not be blank."
	case s == "" && f.unique && f.null && x.s.version.has(v46):
		return nil, "" // so that many rows may be without one
	case f.limit > 0 && len([]rune(s)) > f.limit:
		return nil, fmt.Sprintf("Ensure this field has no more than %d characters.", f.limit)
	case s != "" && f.match != "" && !regexp.MustCompile(f.match).MatchString(s):
		return nil, f.wrong
	}
	return s, ""
}

func readNumber(f *field, sent any) (any, string) {
	n, err := strconv.ParseInt(str(sent), 10, 64)
	if err != nil {
		return nil, "A valid integer is required."
	}
	if f.most > f.least {
		if n < f.least {
			return nil, fmt.Sprintf("Ensure this value is greater than or equal to %d.", f.least)
		}
		if n > f.most {
			return nil, fmt.Sprintf("Ensure this value is less than or equal to %d.", f.most)
		}
	}
	return n, ""
}

func readDecimal(f *field, sent any) (any, string) {
	text := str(sent)
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return nil, "A valid number is required."
	}
	if before, _, _ := strings.Cut(strings.TrimLeft(text, "-0"), "."); len(before) > f.limit {
		return nil, fmt.Sprintf("Ensure that there are no more than %d digits before the decimal point.", f.limit)
	}
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return json.Number(text), ""
}

func readBool(sent any) (any, string) {
	switch strings.ToLower(str(sent)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, ""
	case "false", "f", "no", "n", "off", "0":
		return false, ""
	}
	return nil, "Must be a valid boolean."
}

func readChoice(f *field, sent any) (any, string) {
	switch sent.(type) {
	case map[string]any, []any:
		return nil, `Value must be passed directly (e.g. "foo": 123); do not use a dictionary or list.`
	}
	value := str(sent)
	switch {
	case value == "" && f.null:
		return nil, ""
	case value == "":
		return nil, "This field may not be blank."
	case !slices.ContainsFunc(f.choices, func(c choice) bool { return c.value == value }):
		return nil, value + " is not a valid choice."
	}
	return value, ""
}

func (x *tx) readType(f *field, sent any) (any, string) {
	name, ok := sent.(string)
	if strings.Count(name, ".") != 1 || !ok {
		return nil, "Invalid value. Specify a content type as '<app_label>.<model_name>'."
	}
	if x.s.models[name] == nil || f.types != nil && !slices.Contains(f.types, name) {
		return nil, "Invalid content type: " + name
	}
	return name, ""
}

func (x *tx) readTypes(f *field, sent any) (any, string) {
	list, ok := sent.([]any)
	if !ok {
		return nil, fmt.Sprintf("Expected a list of items but got type %q.", kindOf(sent))
	}
	out := []string{}
	for _, v := range list {
		name, text := x.readType(f, v)
		if text != "" {
			return nil, text
		}
		out = append(out, name.(string))
	}
	slices.Sort(out)
	return slices.Compact(out), ""
}

func readList(f *field, sent any) (any, string) {
	list, ok := sent.([]any)
	if !ok {
		return nil, fmt.Sprintf("Expected a list of items but got type %q.", kindOf(sent))
	}
	if len(list) == 0 && f.need {
		return nil, "This list may not be empty."
	}
	texts, numbers := []string{}, []int64{}
	for _, v := range list {
		if f.form == formTexts {
			texts = append(texts, str(v))
			continue
		}
		n, text := readNumber(f, v)
		if text != "" {
			return nil, text
		}
		numbers = append(numbers, n.(int64))
	}
	if f.form == formTexts {
		return texts, ""
	}
	return numbers, ""
}

// readNet reads an address or a prefix; one without a mask is a host.
func readNet(f *field, sent any) (any, string) {
	noun := map[bool]string{true: "prefix", false: "address"}[f.name == "prefix"]
	text := strings.TrimSpace(str(sent))
	net, err := netip.ParsePrefix(text)
	if err != nil {
		host, err := netip.ParseAddr(text)
		if err != nil || host.Zone() != "" {
			return nil, fmt.Sprintf("Invalid IP %s format: %s", noun, text)
		}
		net = netip.PrefixFrom(host, host.BitLen())
	}
	return net, ""
}

var (
	macDigits = regexp.MustCompile(`^[0-9A-Fa-f]{12}$`)
	macMarks  = strings.NewReplacer(":", "", "-", "", ".", "", " ", "")
)

// readMAC reads a MAC address in any notation and gives the one with colons.
func readMAC(sent any) (any, string) {
	plain := macMarks.Replace(str(sent))
	if !macDigits.MatchString(plain) {
		return nil, "Invalid MAC address format: " + str(sent)
	}
	plain = strings.ToUpper(plain)
	parts := make([]string, 6)
	for i := range parts {
		parts[i] = plain[2*i : 2*i+2]
	}
	return strings.Join(parts, ":"), ""
}

func readTime(sent any) (any, string) {
	t, err := time.Parse(time.RFC3339Nano, str(sent))
	if err != nil {
		return nil, "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
	}
	return t.UTC(), ""
}

// plainJSON is what was sent with whole numbers as int64.
func plainJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainJSON(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = plainJSON(value)
		}
		return out
	}
	return v
}

// kindOf is how Python calls the type of what was sent.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case string:
		return "str"
	case bool:
		return "bool"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "int"
	case []any:
		return "list"
	}
	return "dict"
}
