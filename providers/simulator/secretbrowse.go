package simulator

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// What Secret Manager tells about all secrets of a project together: its
// folders, tags and types. Never recorded.

// secrets are those of a project that are not deleted.
func (c *call) secrets() []*phase {
	var found []*phase
	for _, o := range c.world.objects["secret"] {
		p := o.at(c.now.Add(-c.view.listLag))
		wanted := c.query.Get("project_id")
		if p != nil && o.place == c.place && !scheduled(p.doc) && (wanted == "" || o.project == wanted) {
			found = append(found, p)
		}
	}
	return found
}

// browseSecrets shows a folder: what is in it, and the folders below it.
func browseSecrets(c *call) answer {
	at := path.Clean("/" + c.query.Get("prefix"))
	var items []doc
	for _, p := range c.secrets() {
		tags, sort := c.query["tags"], c.query.Get("type")
		if !hasTags(nil, p.doc, tags, c.now) || sort != "" && !strings.HasPrefix(sort, "unknown_") && text(p.doc, "type") != sort {
			continue
		}
		if item := browsed(p.doc, at); item != nil && !slices.ContainsFunc(items, func(i doc) bool { return sameFolder(i, item) }) {
			items = append(items, item)
		}
	}
	order := c.query.Get("order_by")
	key, descending := cutOrder(order)
	if order == "" {
		key = "name"
	}
	slices.SortStableFunc(items, func(a, b doc) int {
		n := strings.Compare(text(a, key), text(b, key))
		if descending {
			return -n
		}
		return n
	})
	shown, bad := window(c, items)
	if bad != nil {
		return invalid(bad...)
	}
	return reply(http.StatusOK, doc{"items": shown, "current_path": at, "total_count": len(items)})
}

// browsed is a secret as a folder shows it, or the folder below in which it is,
// or nil.
func browsed(d doc, at string) doc {
	where := text(d, "path")
	if where == at {
		item := doc{}
		for _, key := range []string{"id", "tags", "version_count", "protected", "ephemeral_policy", "type"} {
			item[key] = d[key]
		}
		return doc{"name": d["name"], "created_at": d["created_at"], "updated_at": d["updated_at"], "secret": item}
	}
	below, inside := strings.CutPrefix(where, strings.TrimSuffix(at, "/")+"/")
	if !inside {
		return nil
	}
	name, _, _ := strings.Cut(below, "/")
	return doc{"name": name, "created_at": nil, "updated_at": nil, "folder": doc{}}
}

func sameFolder(a, b doc) bool {
	return a["folder"] != nil && b["folder"] != nil && a["name"] == b["name"]
}

func listTags(c *call) answer {
	var tags []string
	for _, p := range c.secrets() {
		list, _ := p.doc["tags"].([]any)
		for _, tag := range list {
			s, _ := tag.(string)
			tags = append(tags, s)
		}
	}
	return wordPage(c, "tags", tags)
}

func listTypes(c *call) answer {
	var types []string
	for _, p := range c.secrets() {
		types = append(types, text(p.doc, "type"))
	}
	return wordPage(c, "types", types)
}

// wordPage is a page of words, each once.
func wordPage(c *call, list string, words []string) answer {
	slices.Sort(words)
	words = slices.Compact(words)
	shown, bad := window(c, words)
	if bad != nil {
		return invalid(bad...)
	}
	return reply(http.StatusOK, doc{list: shown, "total_count": len(words)})
}

// window is the page of items that a request asks for; it is never nil.
func window[T any](c *call, items []T) ([]T, []argument) {
	number, size, bad := c.window()
	start := min((number-1)*size, len(items))
	return append([]T{}, items[start:min(start+size, len(items))]...), bad
}
