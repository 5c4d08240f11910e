package netbox

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Paths without a table.

func (c *call) root() *refusal {
	e := c.encoder()
	e.open('{')
	for _, app := range []string{"circuits", "core", "dcim", "extras", "ipam", "plugins", "status", "tenancy", "users",
		"virtualization", "vpn", "wireless"} {
		e.pair(app, e.base+"/api/"+app+"/")
	}
	e.close('}')
	c.json(http.StatusOK, e.buf)
	return nil
}

func (c *call) status() *refusal {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return notAllowed(c.r.Method)
	}
	apps := "installed_apps"
	if !c.s.version.has(v44) {
		apps = "installed-apps"
	}
	c.json(http.StatusOK, marshal(map[string]any{
		"django-version": "5.2.7", "hostname": "simulator", apps: map[string]any{"django_filters": "25.2", "rest_framework": "3.16.1"},
		"netbox-version": c.s.version.text, "netbox-full-version": c.s.version.text, "plugins": map[string]any{},
		"python-version": "3.12.3", "rq-workers-running": 1}))
	return nil
}

// describe answers OPTIONS.
func (c *call) describe(to route) *refusal {
	name := capital(to.table.noun)
	if to.id == 0 {
		name += " List"
	}
	c.json(http.StatusOK, marshal(map[string]any{"name": name, "description": "", "renders": []string{"application/json", "text/html"},
		"parses": []string{"application/json", "multipart/form-data"}}))
	return nil
}

// check tells who makes the request.
func (c *call) check() *refusal {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	e := c.encoder()
	users := c.s.tables["users/users"]
	e.row(users.rows[c.who.id], users.shown)
	c.json(http.StatusOK, e.buf)
	return nil
}

func jsonNumber(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
