package netbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// A server before 4.6 has no ETag. Ours is then a stamp, made of when the row was
// changed last, and compared here.
const stamped = "last_updated:"

func isStamp(etag string) bool { return strings.HasPrefix(etag, stamped) }

// stamp is the stamp of a row, "" if the row does not say when it was changed.
func stamp(row []byte) string {
	var says struct {
		Updated string `json:"last_updated"`
	}
	if json.Unmarshal(row, &says) != nil || says.Updated == "" {
		return ""
	}
	return stamped + says.Updated
}

// ifMatch is what the server compares itself.
func ifMatch(etag string) string {
	if isStamp(etag) {
		return ""
	}
	return etag
}

// unmoved reads a row, and refuses one that is no longer as the stamp says.
func (c *Client) unmoved(ctx context.Context, in inventory.Table, id int64, etag string) (inventory.Answer, error) {
	have, err := c.Get(ctx, in, id)
	if err != nil {
		return have, err
	}
	if isStamp(etag) && etag != stamp(have.Body) {
		stale := &inventory.Stale{ETag: have.ETag}
		return have, &reconcile.Error{Class: reconcile.Conflict, Err: stale, RequestID: have.Request,
			Message: fmt.Sprintf("not sent: row %d of %s: %s", id, in, stale)}
	}
	return have, nil
}

// Fields that change a row's tags; servers know them since 4.6.
const (
	addTags    = "add_tags"
	removeTags = "remove_tags"
)

func changesTags(f fields) bool { return f[addTags] != nil || f[removeTags] != nil }

// withTags puts all tags that a row is to have in the place of those that come
// and go. If none does, they stay out of the body.
func withTags(f fields, row []byte) (fields, error) {
	var have struct {
		Tags []inventory.Ref `json:"tags"`
	}
	if err := json.Unmarshal(row, &have); err != nil {
		return nil, &reconcile.Error{Class: reconcile.Unavailable, Message: "not sent: the tags of the row cannot be read: " + err.Error(), Err: err}
	}
	add, remove := tagsIn(f[addTags]), tagsIn(f[removeTags])
	delete(f, addTags)
	delete(f, removeTags)
	all, moved := []any{}, false
	for _, tag := range have.Tags {
		if slices.ContainsFunc(remove, names(tag)) {
			moved = true
			continue
		}
		all = append(all, map[string]any{"slug": tag.Slug})
	}
	for _, tag := range add {
		if !slices.ContainsFunc(have.Tags, func(has inventory.Ref) bool { return names(has)(tag) }) {
			all, moved = append(all, tag), true
		}
	}
	if moved {
		f["tags"] = all
	}
	return f, nil
}

// tagsIn are the tags of a field, in whatever form the API takes them: ids, slugs
// or names in objects.
func tagsIn(value any) []any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var out []any
	if json.Unmarshal(text, &out) != nil {
		return nil
	}
	return out
}

// names tells of what a caller wrote whether it means a tag.
func names(tag inventory.Ref) func(any) bool {
	return func(written any) bool {
		switch v := written.(type) {
		case float64:
			return int64(v) == tag.ID
		case map[string]any:
			return v["slug"] == tag.Slug || v["slug"] == nil && (v["name"] == tag.Name || v["id"] == float64(tag.ID))
		}
		return false
	}
}
