package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// visitNetBox does in the simulated NetBox what people do in its pages:
//
//	netbox as USER METHOD PATH [FIELD=VALUE]... [JSON]   PATH is dcim/devices/12, or dcim/devices and what finds one there
//	netbox seed                                          has two devices that people look after
//	netbox hooks                                         shows the webhooks that were sent
func visitNetBox(ts *testscript.TestScript, args []string) {
	answer := ""
	switch {
	case len(args) == 1 && args[0] == "seed":
		request(ts, "POST", "/_sim/netbox/seed", "")
	case len(args) == 1 && args[0] == "hooks":
		answer = request(ts, "GET", "/_sim/netbox/hooks", "")
	case len(args) > 3 && args[0] == "as":
		errand, err := json.Marshal(netboxErrand(args[1], args[2], args[3], args[4:]))
		ts.Check(err)
		answer = request(ts, "POST", "/_sim/netbox/as", string(errand))
	default:
		ts.Fatalf("usage: netbox as USER METHOD PATH [FIELD=VALUE]... [JSON], netbox seed or netbox hooks")
	}
	_, err := fmt.Fprintln(ts.Stdout(), answer)
	ts.Check(err)
}

func netboxErrand(user, method, path string, more []string) map[string]any {
	find, body := url.Values{}, ""
	for i, arg := range more {
		name, value, found := strings.Cut(arg, "=")
		if !found || strings.HasPrefix(arg, "{") {
			body = strings.Join(more[i:], " ")
			break
		}
		find.Add(name, value)
	}
	if len(find) > 0 {
		path += "?" + find.Encode()
	}
	errand := map[string]any{"user": user, "method": method, "path": path}
	if body != "" {
		errand["body"] = json.RawMessage(body)
	}
	return errand
}
