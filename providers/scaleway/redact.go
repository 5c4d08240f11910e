package scaleway

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
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
