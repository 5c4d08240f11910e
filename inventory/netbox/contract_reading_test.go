package netbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// ofAnswers is what every answer is like, and who gets one.
func ofAnswers() []clause {
	const (
		uuid    = `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`
		nothing = `{"detail":"Authentication credentials were not provided."}`
	)
	return []clause{
		{name: "the status names the version", check: func(t *testing.T, w *world) {
			r := w.get(t, "status/")
			if got := r.ok(t).text("netbox-version"); numbered(got) != w.version {
				t.Errorf("the version is %q", got)
			}
		}},
		{name: "each answer bears the version and the request", check: func(t *testing.T, w *world) {
			want := fmt.Sprintf("%d.%d", w.version[0], w.version[1])
			for _, path := range []string{"status/", "dcim/sites/?limit=1", "dcim/sites/0/"} {
				r := w.send(t, http.MethodGet, path, nil, "Content-Type", "application/json") // before 4.3, no other is told
				if got := r.header.Get("API-Version"); got != want {
					t.Errorf("%s bears API-Version %q, wanted %q", path, got, want)
				}
				if got := r.header.Get("X-Request-ID"); !regexp.MustCompile(uuid).MatchString(got) {
					t.Errorf("%s bears X-Request-ID %q", path, got)
				}
			}
		}},
		{name: "without a token nothing is answered", check: func(t *testing.T, w *world) {
			for _, path := range []string{"", "status/", "dcim/sites/", "dcim/sites/0/"} {
				w.send(t, http.MethodGet, path, nil, "Authorization", "").is(t, http.StatusForbidden, nothing)
			}
			w.send(t, http.MethodPost, "dcim/sites/", body{}, "Authorization", "Basic Zm9v").is(t, http.StatusForbidden, nothing)
		}},
		{name: "a wrong token is told", check: func(t *testing.T, w *world) {
			for header, want := range map[string]string{
				"Token " + strings.Repeat("7", 40):  by(w, "4.5", "Invalid v1 token", "Invalid token"),
				"Token":                             by(w, "4.5", malformed, "Invalid token header. No credentials provided."),
				"Token a b":                         by(w, "4.5", malformed, "Invalid token header. Token string should not contain spaces."),
				"Bearer nbt_AAAAAAAAAAAA." + w.word: by(w, "4.5", "Invalid v2 token", "Authentication credentials were not provided."),
				"Bearer nbt_x":                      by(w, "4.5", "Invalid authorization header: Could not parse key from v2 token. Did you mean to use 'Token' instead of 'Bearer'?", "Authentication credentials were not provided."),
			} {
				r := w.send(t, http.MethodGet, "dcim/sites/", nil, "Authorization", header)
				if got := r.says(); r.status != http.StatusForbidden || got != want {
					t.Errorf("%s is answered with %d %s, wanted %q", header, r.status, r.raw, want)
				}
			}
		}},
		{name: "a token that only reads does not write", check: func(t *testing.T, w *world) {
			if w.reader == "" {
				t.Skip("there is no such token")
			}
			const never = `{"detail":"You do not have permission to perform this action."}`
			as, site := authorization(w.reader), w.site(t)
			w.send(t, http.MethodGet, detail("dcim/sites", site), nil, "Authorization", as).ok(t).bears(t, body{"name": w.name("site")})
			w.send(t, http.MethodPost, "dcim/sites/", body{"name": w.word, "slug": w.word}, "Authorization", as).is(t, 403, never)
			w.send(t, http.MethodPatch, detail("dcim/sites", site), body{"facility": "x"}, "Authorization", as).is(t, 403, never)
			w.send(t, http.MethodDelete, detail("dcim/sites", site), nil, "Authorization", as).is(t, 403, never)
		}},
		{name: "the user can be asked for", since: "4.5", check: func(t *testing.T, w *world) {
			if got := w.get(t, "authentication-check/").ok(t).text("username"); got == "" {
				t.Error("the user has no name")
			}
		}},
		{name: "the user cannot be asked for", until: "4.5", check: func(t *testing.T, w *world) {
			w.get(t, "authentication-check/").is(t, http.StatusNotFound, "")
		}},
		{name: "a path ends with a slash", check: func(t *testing.T, w *world) {
			r := w.get(t, "dcim/sites")
			if r.status != http.StatusMovedPermanently || r.header.Get("Location") != "/api/dcim/sites/" {
				t.Errorf("reading answers %d to %q", r.status, r.header.Get("Location"))
			}
			want := by(w, "4.5", http.StatusNotFound, http.StatusMovedPermanently)
			for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
				w.send(t, method, "dcim/sites", body{}).is(t, want, "")
			}
		}},
		{name: "what is not there is not found", check: func(t *testing.T, w *world) {
			w.get(t, "dcim/sites/0/").is(t, 404, `{"detail":"No Site matches the given query."}`)
			w.get(t, "ipam/ip-addresses/0/").is(t, 404, `{"detail":"No IPAddress matches the given query."}`)
			w.get(t, "dcim/device-types/0/").is(t, 404, `{"detail":"No DeviceType matches the given query."}`)
			w.get(t, "dcim/sites/abc/").is(t, 404, `{"detail":"Not found."}`)
			w.get(t, "dcim/"+w.word+"/").is(t, 404, "")
		}},
	}
}

const malformed = `Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"`

// abc are three devices, and the filter that knows them from all others.
func (w *world) abc(t *testing.T) (rows []row, only string) {
	t.Helper()
	tagA, tagB := w.tag(t, "taga").id(), w.tag(t, "tagb").id()
	a := w.device(t, "a", body{"serial": "S1" + w.word, "tags": []int64{tagA}, "tenant": w.tenant(t).id(), "status": "active"})
	b := w.device(t, "b", body{"serial": "", "tags": []int64{tagA, tagB}, "status": "planned"})
	c := w.device(t, "c", body{"serial": "S3" + w.word, "tags": []int64{tagB}, "status": "staged"})
	return []row{a, b, c}, fmt.Sprintf("dcim/devices/?site_id=%d", w.site(t).id())
}

// letters are the devices of a page, as "abc".
func (r reply) letters(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, one := range r.rows(t) {
		out.WriteString(one.text("name")[:1])
	}
	return out.String()
}

func ofPages() []clause {
	return []clause{
		{name: "pages by limit and offset", check: func(t *testing.T, w *world) {
			_, only := w.abc(t)
			for query, want := range map[string]struct {
				letters, next, previous string
			}{
				"":                            {"abc", "", ""},
				"&limit=1":                    {"a", "limit=1&offset=1", ""},
				"&limit=1&offset=1":           {"b", "limit=1&offset=2", "limit=1"},
				"&limit=1&offset=2":           {"c", "", "limit=1&offset=1"},
				"&limit=0":                    {"abc", "", ""},
				"&limit=abc":                  {"abc", "", ""},
				"&limit=-1&offset=x":          {"abc", "", ""},
				"&offset=99":                  {"", "", "limit=50&offset=49"},
				"&limit=5000&offset=5000":     {"", "", "limit=1000&offset=4000"}, // cut to MAX_PAGE_SIZE
				"&limit=0&offset=5000":        {"", "", "limit=1000&offset=4000"},
				"&limit=2&ordering=-name":     {"cb", "limit=2&offset=2&ordering=-name", ""},
				"&limit=2&offset=3&brief=yes": {"", "", "brief=yes&limit=2&offset=1"},
			} {
				page := w.get(t, only+query).ok(t)
				if got := w.get(t, only+query).letters(t); got != want.letters || page.at("count") != 3.0 {
					t.Errorf("%s answers %q of %v, wanted %q", query, got, page.at("count"), want.letters)
				}
				leads(t, query+" next", page.text("next"), want.next, w)
				leads(t, query+" previous", page.text("previous"), want.previous, w)
			}
		}},
		{name: "orders", check: func(t *testing.T, w *world) {
			_, only := w.abc(t)
			for ordering, want := range map[string]string{
				"name": "abc", "-name": "cba", "id": "abc", "-id": "cba", "serial,-name": "bac", "no-such-thing": "abc",
			} {
				if got := w.get(t, only+"&ordering="+ordering).letters(t); got != want {
					t.Errorf("ordering=%s answers %q, wanted %q", ordering, got, want)
				}
			}
		}},
		{name: "pages by cursor", since: "4.6", check: func(t *testing.T, w *world) {
			made, only := w.abc(t)
			for query, want := range map[string]struct{ letters, next string }{
				"&start=0":                                     {"abc", ""},
				"&start=0&limit=2":                             {"ab", fmt.Sprintf("limit=2&start=%d", made[1].id()+1)},
				"&start=0&limit=3":                             {"abc", fmt.Sprintf("limit=3&start=%d", made[2].id()+1)},
				fmt.Sprintf("&start=%d", made[1].id()):         {"bc", ""},
				fmt.Sprintf("&start=%d", made[2].id()+1):       {"", ""},
				fmt.Sprintf("&start=%d&limit=1", made[2].id()): {"c", fmt.Sprintf("limit=1&start=%d", made[2].id()+1)},
			} {
				page := w.get(t, only+query).ok(t)
				if got := w.get(t, only+query).letters(t); got != want.letters {
					t.Errorf("%s answers %q, wanted %q", query, got, want.letters)
				}
				page.bears(t, body{"count": nil, "previous": nil})
				leads(t, query, page.text("next"), want.next, w)
			}
			w.get(t, only+"&start=0&offset=0").is(t, 400, `["'start' and 'offset' are mutually exclusive."]`)
			w.get(t, only+"&start=0&ordering=id").is(t, 400, `["Ordering cannot be specified in conjunction with cursor-based pagination."]`)
			for _, start := range []string{"abc", "-1"} {
				w.get(t, only+"&start="+start).is(t, 400, `["Invalid 'start' parameter: must be a non-negative integer."]`)
			}
		}},
		{name: "knows no cursor", until: "4.6", check: func(t *testing.T, w *world) {
			_, only := w.abc(t)
			if got := w.get(t, only+"&start=99999999&ordering=-id").letters(t); got != "cba" {
				t.Errorf("start was not ignored: %q", got)
			}
		}},
	}
}

// leads checks the query of a link to a page. Links name our site's filter too.
func leads(t *testing.T, what, link, want string, w *world) {
	t.Helper()
	at, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if link == "" {
		if want != "" {
			t.Errorf("%s leads nowhere, wanted %s", what, want)
		}
		return
	}
	query := at.Query()
	if query.Del("site_id"); want == "" || query.Encode() != want || !at.IsAbs() || !strings.HasSuffix(at.Path, "/api/dcim/devices/") {
		t.Errorf("%s leads to %s, wanted %q", what, link, want)
	}
}

func ofFilters() []clause {
	return []clause{
		{name: "filters devices", check: func(t *testing.T, w *world) {
			made, only := w.abc(t)
			word := w.word
			for query, want := range map[string]string{
				"name=a-" + word:                              "a",
				"name=A-" + strings.ToUpper(word):             "a",  // in any case
				"name=a-" + word + "&name=c-" + word:          "ac", // repeated is OR
				"name=a":                                      "",
				"name=":                                       "abc",
				"name__n=a-" + word:                           "bc",
				"name__ic=A-":                                 "a",
				"name__nic=a-":                                "bc",
				"name__isw=B-":                                "b",
				"name__iew=" + word:                           "abc",
				"name__ie=C-" + word:                          "c",
				"name__empty=true":                            "",
				"serial__empty=true":                          "b",
				"serial__empty=false":                         "ac",
				"serial=s1" + word:                            "a",
				"status=active":                               "a",
				"status=active&status=planned":                "ab",
				"status__n=active":                            "bc",
				"tag=taga-" + word:                            "ab",
				"tag=taga-" + word + "&tag=tagb-" + word:      "b", // repeated is AND
				"tag__n=taga-" + word:                         "c",
				"tenant=tenant-" + word:                       "a",
				"tenant=null":                                 "bc",
				"tenant_id=null":                              "bc",
				fmt.Sprint("tenant_id=", w.tenant(t).id()):    "a",
				"role=role-" + word:                           "abc",
				fmt.Sprint("role_id=", w.role(t).id()):        "abc",
				"device_type=model-" + word:                   "abc",
				fmt.Sprint("device_type_id=", w.kind(t).id()): "abc",
				"manufacturer=maker-" + word:                  "abc",
				"site=site-" + word:                           "abc",
				"asset_tag__empty=true":                       "abc",
				"has_primary_ip=true":                         "",
				"has_primary_ip=false":                        "abc",
				"q=S3" + word:                                 "c",
				fmt.Sprintf("id=%d&id=%d", made[0].id(), made[2].id()): "ac",
				fmt.Sprint("id__gt=", made[0].id()):                    "bc",
				fmt.Sprint("id__gte=", made[1].id()):                   "bc",
				fmt.Sprint("id__lt=", made[2].id()):                    "ab",
				fmt.Sprint("id__n=", made[1].id()):                     "ac",
				"last_updated__gte=2020-01-01T00:00:00Z":               "abc",
				"last_updated__gte=2999-01-01T00:00:00Z":               "",
				"last_updated__gte=" + made[1].text("last_updated"):    "bc", // to the microsecond
				"last_updated__lt=" + made[1].text("last_updated"):     "a",
				"created__gte=2999-01-01":                              "",
				"status=active&name__ic=b-":                            "", // different ones are AND
				"no_such_filter=1":                                     "abc",
				"cf_no_such_field=1":                                   "abc",
			} {
				if got := w.get(t, only+"&ordering=name&"+query).letters(t); got != want {
					t.Errorf("%s answers %q, wanted %q", query, got, want)
				}
			}
		}},
		{name: "filters by any of several tags", since: "4.6.6", check: func(t *testing.T, w *world) {
			_, only := w.abc(t)
			query := fmt.Sprintf("&tag__any=%s&tag__any=%s", w.name("taga"), w.name("tagb"))
			if got := w.get(t, only+query).letters(t); got != "abc" {
				t.Errorf("%s answers %q", query, got)
			}
		}},
		{name: "filters by the request that made or changed a row", check: func(t *testing.T, w *world) {
			made, only := w.abc(t)
			changed := w.patch(t, "dcim/devices", made[1], body{"comments": "x"})
			changed.ok(t)
			query := "&modified_by_request=" + changed.header.Get("X-Request-ID")
			if got := w.get(t, only+query).letters(t); got != "b" {
				t.Errorf("modified_by_request answers %q", got)
			}
			if got := w.get(t, only+strings.Replace(query, "modified", "created", 1)).letters(t); got != "" {
				t.Errorf("created_by_request answers %q", got)
			}
			w.get(t, only+"&modified_by_request=zz").is(t, 400, `{"modified_by_request":["Enter a valid UUID."]}`)
		}},
		{name: "refuses filters by what does not exist", check: func(t *testing.T, w *world) {
			none := w.name("none")
			for _, name := range []string{"status", "tag", "tenant", "site", "role"} {
				w.get(t, "dcim/devices/?"+name+"="+none).is(t, 400,
					fmt.Sprintf(`{%q:["Select a valid choice. %s is not one of the available choices."]}`, name, none))
			}
			for _, path := range []string{"dcim/devices/?site_id", "dcim/devices/?role_id", "dcim/interfaces/?device_id", "ipam/ip-addresses/?interface_id"} {
				_, name, _ := strings.Cut(path, "?")
				w.get(t, path+"=0").is(t, 400, fmt.Sprintf(`{%q:["Select a valid choice. 0 is not one of the available choices."]}`, name))
			}
			w.get(t, "dcim/devices/?id=abc").is(t, 400, `{"id":["Enter a whole number."]}`)
			w.get(t, "dcim/devices/?last_updated__gte=x").is(t, 400, `{"last_updated__gte":["Enter a valid date/time."]}`)
			for _, path := range []string{"dcim/sites/?slug=" + none, "dcim/devices/?name=" + none, "ipam/ip-addresses/?device_id=0", "dcim/mac-addresses/?device_id=0"} {
				if n := w.count(t, path); n != 0 {
					t.Errorf("%s answers %d rows", path, n)
				}
			}
		}},
		{name: "filters by custom fields", check: filtersByCustomFields},
		{name: "filters interfaces, MAC and IP addresses", check: filtersOfPorts},
		{name: "filters prefixes, tags and custom fields", check: func(t *testing.T, w *world) {
			n := w.network()
			prefix := w.make(t, "ipam/prefixes", body{"prefix": n + "0/24", "tenant": w.tenant(t).id()})
			w.tag(t, "tag")
			w.make(t, "extras/custom-fields", body{"name": w.field("cf"), "type": "text", "object_types": []string{"dcim.device"}})
			for path, want := range map[string]int{
				"ipam/prefixes/?prefix=" + n + "0/24":                                 1,
				"ipam/prefixes/?prefix=" + n + "0/25":                                 0,
				"ipam/prefixes/?prefix=garbage":                                       0,
				"ipam/prefixes/?contains=" + n + "9":                                  1,
				"ipam/prefixes/?within_include=" + n + "0/24":                         1,
				"ipam/prefixes/?status=active&tenant=" + w.name("tenant"):             1,
				"ipam/prefixes/?status=container&tenant=" + w.name("tenant"):          0,
				fmt.Sprint("ipam/prefixes/?id=", prefix.id()):                         1,
				"extras/tags/?slug=" + w.name("tag"):                                  1,
				"extras/tags/?name=" + w.name("tag"):                                  1,
				"extras/custom-fields/?name=" + w.field("cf"):                         1,
				"extras/custom-fields/?object_type=dcim.device&name=" + w.field("cf"): 1,
				"extras/custom-fields/?object_type=dcim.site&name=" + w.field("cf"):   0,
			} {
				if got := w.count(t, path); got != want {
					t.Errorf("%s answers %d rows, wanted %d", path, got, want)
				}
			}
		}},
	}
}

func filtersByCustomFields(t *testing.T, w *world) {
	field := func(of string, more body) {
		fields := body{"name": w.field(of), "type": "text", "object_types": []string{"dcim.device"}}
		for name, value := range more {
			fields[name] = value
		}
		w.make(t, "extras/custom-fields", fields)
	}
	field("loose", nil)
	field("exact", body{"filter_logic": "exact"})
	field("yes", body{"type": "boolean"})
	w.device(t, "a", body{"custom_fields": body{w.field("loose"): "One", w.field("exact"): "One", w.field("yes"): true}})
	w.device(t, "b", body{"custom_fields": body{w.field("loose"): "Two", w.field("exact"): "Two", w.field("yes"): false}})
	w.device(t, "c", nil)
	only := fmt.Sprintf("dcim/devices/?ordering=name&site_id=%d&cf_", w.site(t).id())
	for query, want := range map[string]string{
		w.field("loose") + "=o":                                   "ab", // contains, in any case
		w.field("loose") + "=ONE":                                 "a",
		w.field("exact") + "=One":                                 "a",
		w.field("exact") + "=one":                                 "",
		w.field("exact") + "=On":                                  "",
		w.field("exact") + "=One&cf_" + w.field("exact") + "=Two": "ab",
		w.field("exact") + "__ic=o":                               "ab",
		w.field("exact") + "__n=One&name__isw=a":                  "",
		w.field("exact") + "__n=One&name__isw=b":                  "b",
		by(w, "4.3", w.field("exact")+"__empty=true", "no_such_field=1&name__isw=c"): "c",
		w.field("yes") + "=true":  "a",
		w.field("yes") + "=false": "b",
	} {
		if got := w.get(t, only+query).letters(t); got != want {
			t.Errorf("cf_%s answers %q, wanted %q", query, got, want)
		}
	}
}

func filtersOfPorts(t *testing.T, w *world) {
	device := w.device(t, "a", nil)
	port, other := w.port(t, device, "public0"), w.port(t, w.device(t, "b", nil), "public0")
	n := w.network()
	w.make(t, "dcim/mac-addresses", on(port, body{"mac_address": "02:AA:BB:00:00:01"}))
	w.make(t, "dcim/mac-addresses", on(other, body{"mac_address": "02:AA:BB:00:00:01"}))
	w.make(t, "ipam/ip-addresses", on(port, body{"address": n + "5/24", "dns_name": w.name("h")}))
	w.make(t, "ipam/ip-addresses", on(other, body{"address": n + "6/24"}))
	w.make(t, "ipam/ip-addresses", body{"address": n + "7/24"})
	mine := fmt.Sprint("device_id=", device.id())
	at := fmt.Sprint("interface_id=", port.id())
	for path, want := range map[string]int{
		"dcim/interfaces/?" + mine:                                             1,
		"dcim/interfaces/?device=" + w.name("a"):                               1,
		"dcim/interfaces/?" + mine + "&name=public0":                           1,
		"dcim/interfaces/?" + mine + "&name=PUBLIC0":                           0, // unlike a device's
		"dcim/interfaces/?" + mine + "&type=other&mgmt_only=false":             1,
		"dcim/interfaces/?site=" + w.name("site"):                              2,
		"dcim/mac-addresses/?" + mine:                                          1,
		"dcim/mac-addresses/?" + at:                                            1,
		"dcim/mac-addresses/?" + mine + "&mac_address=02:aa:bb:00:00:01":       1,
		"dcim/mac-addresses/?" + mine + "&mac_address=02-AA-BB-00-00-02":       0,
		"ipam/ip-addresses/?" + mine:                                           1,
		"ipam/ip-addresses/?device=" + w.name("a"):                             1,
		"ipam/ip-addresses/?" + at:                                             1,
		"ipam/ip-addresses/?" + at + "&interface_id=" + fmt.Sprint(other.id()): 2,
		"ipam/ip-addresses/?address=" + n + "5/24":                             1,
		"ipam/ip-addresses/?address=" + n + "5/16":                             0, // with a mask it is that mask
		"ipam/ip-addresses/?address=" + n + "5":                                1, // without it is any
		"ipam/ip-addresses/?address=" + n + "5&address=" + n + "7":             2,
		"ipam/ip-addresses/?address=garbage":                                   0,
		"ipam/ip-addresses/?parent=" + n + "0/24":                              3,
		"ipam/ip-addresses/?vrf_id=null&parent=" + n + "0/24":                  3,
		"ipam/ip-addresses/?assigned_to_interface=true&parent=" + n + "0/24":   2,
		"ipam/ip-addresses/?dns_name=" + w.name("h"):                           1,
	} {
		if got := w.count(t, path); got != want {
			t.Errorf("%s answers %d rows, wanted %d", path, got, want)
		}
	}
}

func ofForms() []clause {
	return []clause{
		{name: "a row in brief, in part, and whole", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			brief := w.get(t, detail("dcim/devices", device)+"?brief=true").ok(t)
			same(t, "brief", keys(brief), []string{"id", "url", "display", "name", "description"})
			part := w.get(t, detail("dcim/devices", device)+"?fields=id,name,nope").ok(t)
			same(t, "fields", keys(part), []string{"id", "name"})
			rows := w.get(t, "dcim/devices/?fields=name&name="+w.name("a")).rows(t)
			if len(rows) != 1 || len(rows[0]) != 1 || rows[0].text("name") != w.name("a") {
				t.Errorf("a list of names is %v", rows)
			}
			listed := w.get(t, "dcim/devices/?name="+w.name("a")).rows(t)[0]
			same(t, "a row of a list", keys(listed), keys(device))
		}},
		{name: "a row without what is left out", since: "4.6", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			lean := w.get(t, detail("dcim/devices", device)+"?omit=name,config_context").ok(t)
			same(t, "omit", append(keys(lean), "name", "config_context"), keys(device))
			both := w.get(t, detail("dcim/devices", device)+"?fields=id,name&omit=name").ok(t)
			same(t, "fields with omit", keys(both), []string{"id", "name"})
		}},
		{name: "a device without its config context", until: "4.7", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", nil)
			lean := w.get(t, detail("dcim/devices", device)+"?exclude=config_context").ok(t)
			same(t, "exclude", append(keys(lean), "config_context"), keys(device))
		}},
		{name: "choices, relations and what is not set", check: func(t *testing.T, w *world) {
			device := w.device(t, "a", body{"status": "planned", "tags": []int64{w.tag(t, "tag").id()}})
			device.bears(t, body{
				"status.value": "planned", "status.label": "Planned", "face": nil, "airflow": nil,
				"site.id": w.site(t).id(), "site.slug": w.name("site"), "site.name": w.name("site"),
				"device_type.model": w.name("model"), "device_type.manufacturer.slug": w.name("maker"),
				"role.slug": w.name("role"), "tenant": nil, "platform": nil, "rack": nil, "serial": "", "asset_tag": nil,
				"primary_ip4": nil, "primary_ip6": nil, "oob_ip": nil, "display": w.name("a"),
				"tags.0.slug": w.name("tag"), "tags.0.id": w.tag(t, "tag").id(), "description": "", "comments": "",
			})
			for _, name := range []string{"created", "last_updated"} {
				if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$`).MatchString(device.text(name)) {
					t.Errorf("%s is %q", name, device.text(name))
				}
			}
		}},
		{name: "a device is shown by name, tag or type", check: func(t *testing.T, w *world) {
			tagged := w.device(t, "a", body{"asset_tag": w.name("tag")})
			nameless := w.make(t, "dcim/devices", w.bare(t, "", body{"name": nil}))
			tagged.bears(t, body{"display": w.name("a") + " (" + w.name("tag") + ")"})
			nameless.bears(t, body{"name": nil, "display": fmt.Sprintf("%s %s (%d)", w.name("maker"), w.name("model"), nameless.id())})
		}},
	}
}

func keys(of row) []string {
	var out []string
	for name := range of {
		out = append(out, name)
	}
	return out
}
