package netbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	simulated "gitlab.com/reconciled/reconciled/providers/simulator/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// The contract is what we rely on NetBox to do, one case for each thing. It holds
// for the simulated NetBox, in several versions, and for a real one that
// NETBOX_URL and NETBOX_TOKEN (a token that may do everything) lead to, with
// NETBOX_READONLY_TOKEN for what a token may not do. Of a real one nothing is
// touched but what the cases make themselves, under random names, and take away
// again; its change log keeps the traces.

// A clause is one thing of the contract.
type clause struct {
	name  string
	since string // the first version that does so; "": all that are supported
	until string // the first version that does not any more; "": none
	check func(*testing.T, *world)
}

func contract() []clause {
	return slices.Concat(
		ofAnswers(), ofPages(), ofFilters(), ofForms(),
		ofWrites(), ofUniqueness(), ofMarks(), ofBulk(), ofConcurrency(),
		ofMachines(), ofAddresses(), ofAllocation(),
		ofHistory(), ofHooks(), ofTheClient(),
	)
}

func TestContractOfTheSimulator(t *testing.T) {
	for version, token := range map[string]string{
		"4.2.9": simulated.Token, "4.3.7": simulated.Token, "4.6.8": simulated.V2Token, "4.7.0": simulated.Token,
	} {
		t.Run(version, func(t *testing.T) {
			server := httptest.NewServer(simulated.New(simulated.Options{Version: version, Now: time.Now}))
			t.Cleanup(server.Close)
			hold(t, server.URL, token, simulated.ReadOnlyToken)
		})
	}
}

func TestContractOfARealServer(t *testing.T) {
	at, token := os.Getenv("NETBOX_URL"), os.Getenv("NETBOX_TOKEN")
	if at == "" || token == "" {
		t.Skip("NETBOX_URL and NETBOX_TOKEN lead to no server")
	}
	hold(t, at, token, os.Getenv("NETBOX_READONLY_TOKEN"))
}

// hold checks the contract, each clause in a world of its own.
func hold(t *testing.T, at, token, reader string) {
	base := strings.TrimSuffix(at, "/")
	version := (&world{base: base, token: token}).get(t, "status/").ok(t).text("netbox-version")
	for _, c := range contract() {
		t.Run(c.name, func(t *testing.T) {
			w := &world{base: base, token: token, reader: reader, version: numbered(version), word: strconv.FormatUint(rand.Uint64()|1<<63, 36)}
			if c.since != "" && !w.has(c.since) || c.until != "" && w.has(c.until) {
				t.Skip("not of this version")
			}
			c.check(t, w)
		})
	}
}

// A world is a server and what one clause made on it.
type world struct {
	base, token string
	reader      string // a token that may read and not write; "": there is none
	version     [3]int
	word        string // in every name that the clause makes; lower case
	made        map[string]row
}

// numbered reads a version such as 4.6.8-Docker-3.4.1.
func numbered(text string) (v [3]int) {
	for i, digits := range regexp.MustCompile(`\d+`).FindAllString(text, 3) {
		v[i], _ = strconv.Atoi(digits)
	}
	return v
}

// has tells whether the server is of a version or a later one.
func (w *world) has(since string) bool {
	v := numbered(since)
	return slices.Compare(w.version[:], v[:]) >= 0
}

// by is the one of two answers that a version has: then since it, else before.
func by[T any](w *world, since string, then, before T) T {
	if w.has(since) {
		return then
	}
	return before
}

// general is where errors stand that are of no field.
func (w *world) general() string { return by(w, "4.7", "__all__", "non_field_errors") }

// name is a name of this clause only, which also is a slug.
func (w *world) name(of string) string { return of + "-" + w.word }

// field is the same for custom fields, which take no hyphens.
func (w *world) field(of string) string { return of + "_" + w.word }

// network is a prefix of IPv4 addresses of this clause only: of a class that
// nobody's inventory has.
func (w *world) network() string {
	seed := rand.Uint32()
	return fmt.Sprintf("%d.%d.%d.", 240+seed>>24%14, seed>>8&0xff, seed&0xff)
}

// body is what is sent as JSON.
type body = map[string]any

// send sends a request with further headers, as name, value, name, value. The
// path is below /api/.
func (w *world) send(t *testing.T, method, path string, content any, headers ...string) reply {
	t.Helper()
	var text io.Reader = http.NoBody
	switch content := content.(type) {
	case nil:
	case string:
		text = strings.NewReader(content)
	default:
		raw, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+"/api/"+path, text)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", authorization(w.token))
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
		if pair[1] == "" {
			req.Header.Del(pair[0])
		}
	}
	return answered(t, req)
}

// direct follows no redirects.
var direct = http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func answered(t *testing.T, req *http.Request) reply {
	t.Helper()
	resp, err := direct.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	r := reply{asked: req.Method + " " + req.URL.Path + "?" + req.URL.RawQuery, status: resp.StatusCode, header: resp.Header}
	if r.raw, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(r.raw, &r.body) // what is no JSON stays nil
	return r
}

func authorization(token string) string {
	if strings.HasPrefix(token, "nbt_") {
		return "Bearer " + token
	}
	return "Token " + token
}

func (w *world) get(t *testing.T, path string) reply {
	t.Helper()
	return w.send(t, http.MethodGet, path, nil)
}

func (w *world) post(t *testing.T, table string, content any) reply {
	t.Helper()
	r := w.send(t, http.MethodPost, table+"/", content)
	if r.status == http.StatusCreated { // also what should have been refused goes away again
		if strings.HasSuffix(table, "/available-ips") {
			table = addresses
		}
		w.remove(t, table, r.body)
	}
	return r
}

func (w *world) patch(t *testing.T, table string, of row, content any, headers ...string) reply {
	t.Helper()
	return w.send(t, http.MethodPatch, detail(table, of), content, headers...)
}

func (w *world) delete(t *testing.T, table string, of row) reply {
	t.Helper()
	return w.send(t, http.MethodDelete, detail(table, of), nil)
}

// read is a row as it is now.
func (w *world) read(t *testing.T, table string, of row) row {
	t.Helper()
	return w.get(t, detail(table, of)).ok(t)
}

// count is how many rows a table has for a filter.
func (w *world) count(t *testing.T, path string) int {
	t.Helper()
	n, _ := w.get(t, path).ok(t).at("count").(float64)
	return int(n)
}

func detail(table string, of row) string { return fmt.Sprintf("%s/%d/", table, of.id()) }

// make makes a row, for as long as the clause is checked.
func (w *world) make(t *testing.T, table string, content body) row {
	t.Helper()
	r := w.post(t, table, content)
	if r.status != http.StatusCreated {
		t.Fatalf("%s of %v answered %d: %s", r.asked, content, r.status, r.raw)
	}
	return row(r.body.(map[string]any))
}

// remove takes a row, or several, away when the clause has been checked. What is
// gone with something else is fine.
func (w *world) remove(t *testing.T, table string, rows any) {
	switch rows := rows.(type) {
	case []any:
		for _, one := range rows {
			w.remove(t, table, one)
		}
	case map[string]any:
		t.Cleanup(func() {
			after := *w
			r := after.sendLate(t, http.MethodDelete, detail(table, rows))
			if r.status != http.StatusNoContent && r.status != http.StatusNotFound {
				t.Errorf("clean up: %s answered %d: %s", r.asked, r.status, r.raw)
			}
		})
	}
}

// sendLate sends when the test's own context is over.
func (w *world) sendLate(t *testing.T, method, path string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.base+"/api/"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization(w.token))
	return answered(t, req)
}

// once makes a row of the given name only once in a clause.
func (w *world) once(t *testing.T, key, table string, content body) row {
	t.Helper()
	if have, ok := w.made[key]; ok {
		return have
	}
	if w.made == nil {
		w.made = map[string]row{}
	}
	w.made[key] = w.make(t, table, content)
	return w.made[key]
}

func (w *world) named(t *testing.T, table, of string) row {
	t.Helper()
	return w.once(t, table+of, table, body{"name": w.name(of), "slug": w.name(of)})
}

func (w *world) site(t *testing.T) row   { return w.named(t, "dcim/sites", "site") }
func (w *world) tenant(t *testing.T) row { return w.named(t, "tenancy/tenants", "tenant") }
func (w *world) role(t *testing.T) row   { return w.named(t, "dcim/device-roles", "role") }
func (w *world) tag(t *testing.T, of string) row {
	return w.named(t, "extras/tags", of)
}

func (w *world) kind(t *testing.T) row {
	maker := w.named(t, "dcim/manufacturers", "maker")
	return w.once(t, "kind", "dcim/device-types", body{"manufacturer": maker.id(), "model": w.name("model"), "slug": w.name("model")})
}

// bare are the fields that a device needs, with others.
func (w *world) bare(t *testing.T, of string, more body) body {
	fields := body{"name": w.name(of), "device_type": w.kind(t).id(), "role": w.role(t).id(), "site": w.site(t).id()}
	for name, value := range more {
		fields[name] = value
	}
	return fields
}

func (w *world) device(t *testing.T, of string, more body) row {
	t.Helper()
	return w.make(t, "dcim/devices", w.bare(t, of, more))
}

func (w *world) port(t *testing.T, of row, name string) row {
	t.Helper()
	return w.make(t, "dcim/interfaces", body{"device": of.id(), "name": name, "type": "other"})
}

// on are the fields that put something on an interface.
func on(port row, more body) body {
	fields := body{"assigned_object_type": "dcim.interface", "assigned_object_id": port.id()}
	for name, value := range more {
		fields[name] = value
	}
	return fields
}

// client is a client of ours to the server.
func (w *world) client(t *testing.T, change ...func(*netbox.Options)) *netbox.Client {
	t.Helper()
	o := netbox.Options{URL: w.base, PageSize: 2, Token: func(context.Context) (reconcile.Secret, error) {
		return reconcile.NewSecret(w.token), nil
	}}
	for _, c := range change {
		c(&o)
	}
	c, err := netbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var _ inventory.Server = (*netbox.Client)(nil)

// A reply is an answer of the server.
type reply struct {
	asked  string
	status int
	header http.Header
	raw    []byte
	body   any
}

// ok is the object that is answered, with 200 or 201.
func (r reply) ok(t *testing.T) row {
	t.Helper()
	object, is := r.body.(map[string]any)
	if r.status != http.StatusOK && r.status != http.StatusCreated || !is {
		t.Fatalf("%s answered %d: %s", r.asked, r.status, r.raw)
	}
	return object
}

// rows are those of a page, or of a list.
func (r reply) rows(t *testing.T) []row {
	t.Helper()
	list, isList := r.body.([]any)
	if !isList {
		list, isList = r.ok(t).at("results").([]any)
	}
	if !isList {
		t.Fatalf("%s answered no list: %s", r.asked, r.raw)
	}
	var out []row
	for _, one := range list {
		out = append(out, one.(map[string]any))
	}
	return out
}

// is checks status and body. A body is given as JSON; "" is none, or any page for people.
func (r reply) is(t *testing.T, status int, text string) {
	t.Helper()
	var want any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if r.status != status || !reflect.DeepEqual(r.body, want) {
		t.Errorf("%s answered %d %.600s\nwanted %d %s", r.asked, r.status, r.raw, status, text)
	}
}

// says is the detail that is answered.
func (r reply) says() string {
	object, _ := r.body.(map[string]any)
	return row(object).text("detail")
}

// A row is an object as the server has it.
type row map[string]any

func (r row) id() int64 {
	n, _ := r["id"].(float64)
	return int64(n)
}

// at is what stands at a path such as status.value or results.0.name.
func (r row) at(path string) any {
	var here any = map[string]any(r)
	for step := range strings.SplitSeq(path, ".") {
		switch v := here.(type) {
		case map[string]any:
			here = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			here = v[i]
		default:
			return nil
		}
	}
	return here
}

func (r row) text(path string) string {
	text, _ := r.at(path).(string)
	return text
}

// bears checks what stands at paths of a row. Numbers are given as float64.
func (r row) bears(t *testing.T, want body) {
	t.Helper()
	for path, value := range want {
		if n, is := value.(int64); is {
			value = float64(n)
		}
		if got := r.at(path); !reflect.DeepEqual(got, value) {
			t.Errorf("%s is %v (%T), wanted %v (%T)", path, got, got, value, value)
		}
	}
}

// names are a member of each row.
func names(rows []row, path string) []string {
	out := []string{}
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.at(path)))
	}
	return out
}

// same checks two lists, in any order.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, wanted %q", what, got, want)
	}
}
