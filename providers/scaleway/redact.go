package scaleway

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// secretName matches the names of fields, in requests, whose values are secret.
var secretName = regexp.MustCompile(`secret|password|credential|token|private_key|^data$|cloud_init|user_data`)

// secretsIn are the secret values of a request's body. An API may repeat them
// in its refusal.
func secretsIn(req *http.Request) []string {
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	var value any
	if json.Unmarshal(text, &value) != nil {
		return nil
	}
	var found []string
	gather(value, false, &found)
	return found
}

func gather(value any, secret bool, found *[]string) {
	switch v := value.(type) {
	case string:
		if secret {
			*found = append(*found, v)
		}
	case []any:
		for _, item := range v {
			gather(item, secret, found)
		}
	case map[string]any:
		for name, item := range v {
			gather(item, secret || secretName.MatchString(name), found)
		}
	}
}

// shortest is the length from which a value is hidden: hiding shorter ones would
// leave no text to read.
const shortest = 4

// hide replaces values, and the forms that encodings give them, by a mask.
func hide(text string, values ...string) string {
	var forms []string
	for _, value := range values {
		if len(value) < shortest {
			continue
		}
		quoted, _ := json.Marshal(value)
		forms = append(forms, value, strings.Trim(string(quoted), `"`), url.QueryEscape(value), url.PathEscape(value),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)))
	}
	sort.Slice(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, reconcile.Masked)
	}
	return text
}

// clean takes out what could move a terminal's cursor or reorder its text. What
// the API says is other people's text.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
}
