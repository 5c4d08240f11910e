package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// controlNetBox are the ways to steer NetBox, below /_sim/netbox/.
func (s *Server) controlNetBox() map[string]func(body []byte) (any, error) {
	return map[string]func(body []byte) (any, error){
		"POST /_sim/netbox/as":     s.controlPerson,
		"POST /_sim/netbox/seed":   func([]byte) (any, error) { return nil, errors.Join(s.seed(), s.save()) },
		"POST /_sim/netbox/tokens": s.controlToken,
		"GET /_sim/netbox/hooks":   func([]byte) (any, error) { return doc{"deliveries": s.hooks.Deliveries()}, nil },
	}
}

// An errand is what a person does to NetBox: a method, a path such as
// "dcim/devices/12" or "dcim/devices?name=db-1", which must find one object, and
// a body.
type errand struct {
	User   string `json:"user"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   doc    `json:"body"`
}

// controlPerson acts as somebody who works in NetBox's pages, and gives the
// object as it is then.
func (s *Server) controlPerson(body []byte) (any, error) {
	var e errand
	if err := decodeStrict(body, &e); err != nil {
		return nil, err
	}
	if e.User == "" {
		return nil, errors.New("user: say who does it")
	}
	table, id, err := s.findRow(e)
	if err != nil {
		return nil, err
	}
	person := s.netbox.As(e.User)
	switch strings.ToUpper(e.Method) {
	case http.MethodGet:
	case http.MethodPost:
		id, err = person.Create(table, e.Body)
	case http.MethodPatch:
		err = person.Patch(table, id, e.Body)
	case http.MethodDelete:
		err = person.Delete(table, id)
	default:
		return nil, fmt.Errorf("method %q: want GET, POST, PATCH or DELETE", e.Method)
	}
	if err == nil {
		err = s.save()
	}
	row, there := s.netbox.Object(table, id)
	if err != nil || !there {
		return nil, err
	}
	return row, nil
}

// findRow gives the table and the id that an errand is about; a creation has no id.
func (s *Server) findRow(e errand) (table string, id int64, err error) {
	at, err := url.Parse(strings.Trim(strings.TrimPrefix(strings.TrimPrefix(e.Path, netboxMount), "/api/"), "/"))
	if err != nil {
		return "", 0, fmt.Errorf("path: %w", err)
	}
	parts := strings.Split(strings.Trim(at.Path, "/"), "/")
	if len(parts) < 2 || len(parts) > 3 {
		return "", 0, fmt.Errorf("path %q: want one such as dcim/devices/12 or dcim/devices?name=db-1", e.Path)
	}
	table = parts[0] + "/" + parts[1]
	switch {
	case strings.EqualFold(e.Method, http.MethodPost):
		return table, 0, nil
	case len(parts) == 3:
		id, err = strconv.ParseInt(parts[2], 10, 64)
		return table, id, err
	}
	id, err = s.onlyRow(table, at.RawQuery)
	return table, id, err
}

// onlyRow is the id of the one object that filters find.
func (s *Server) onlyRow(table, query string) (int64, error) {
	r, err := http.NewRequest(http.MethodGet, netboxMount+"/api/"+table+"/?"+query, nil)
	if err != nil {
		return 0, err
	}
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("Authorization", "Token "+netbox.Token)
	var p netboxPage
	a := s.askNetBox(r, nil)
	if err := json.Unmarshal(a.body, &p); err != nil || len(p.Results) != 1 {
		return 0, fmt.Errorf("%s with %q finds %d objects, want one (status %d)", table, query, len(p.Results), a.status)
	}
	return strconv.ParseInt(rowID(p.Results[0]), 10, 64)
}

// controlToken adds a token, or changes what one is good for.
func (s *Server) controlToken(body []byte) (any, error) {
	var g netbox.Grant
	if err := decodeStrict(body, &g); err != nil {
		return nil, err
	}
	if g.Token == "" || g.User == "" {
		return nil, errors.New("a token needs token and user")
	}
	s.netbox.Allow(g)
	s.netboxChanges.Add(1)
	return nil, s.save()
}
