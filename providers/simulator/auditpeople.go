package simulator

import (
	"time"

	"github.com/google/uuid"
)

// IAM v1alpha1 users and applications: whose keys there are.

func user() *kind {
	return &kind{
		name: "user", missing: "user_id", path: "/iam/v1alpha1/users", param: "user_id", id: "id",
		list: "users", pageSize: 20,
		orders: []string{"created_at", "updated_at", "email"},
		fields: []field{
			{key: "email", form: filledText(0), need: true},
			{key: "organization_id", form: uuidText, fixed: true, standard: `"` + organizationID + `"`},
			{key: "tags", form: textList, standard: `[]`},
			{key: "type", standard: `"member"`},
			{key: "status", standard: `"activated"`},
			{key: "mfa", standard: `false`},
			{key: "locked", standard: `false`},
			{key: "deletable", standard: `true`},
			{key: "first_name", standard: `""`},
			{key: "last_name", standard: `""`},
			{key: "phone_number", standard: `""`},
			{key: "locale", standard: `"en_US"`},
			{key: "account_root_user_id", standard: `""`},
			{key: "last_login_at", standard: `null`},
		},
		filters: []filter{{"organization_id", inOrganization}, anyOf("user_ids", "id"), equal("type", "type")},
		derive:  func(_ *object, d doc, _ *object) doc { return doc{"username": text(d, "email")} },
	}
}

func application() *kind {
	return &kind{
		name: "application", missing: "application_id", path: "/iam/v1alpha1/applications", param: "application_id", id: "id",
		list: "applications", pageSize: 20,
		orders: []string{"created_at", "updated_at", "name"},
		fields: []field{
			{key: "name", form: filledText(64), need: true},
			{key: "organization_id", form: uuidText, fixed: true, standard: `"` + organizationID + `"`},
			{key: "description", form: anyText(200), standard: `""`},
			{key: "tags", form: textList, standard: `[]`},
			{key: "editable", standard: `true`},
			{key: "deletable", standard: `true`},
			{key: "managed", standard: `false`},
			{key: "nb_api_keys", standard: `0`},
		},
		filters: []filter{
			{"organization_id", inOrganization}, anyOf("application_ids", "id"), equal("name", "name"), flag("editable"),
		},
		derive: func(*object, doc, *object) doc { return nil },
	}
}

// introduce makes known whose a key is, and that there is such a key.
func (w *world) introduce(k Key, now time.Time) {
	id, fields := k.bearer(), doc{}
	switch {
	case id == "":
		return
	case k.User != "":
		fields["user_id"] = id
		if w.byID["user/"+id] == nil {
			w.load(resource{Kind: "user", ID: id, Fields: doc{"email": k.User}}, now)
		}
	default:
		fields["application_id"] = id
		if w.byID["application/"+id] == nil {
			w.load(resource{Kind: "application", ID: id, Fields: doc{"name": k.Application}}, now)
		}
	}
	if k.AccessKey != "" && w.byID["api_key/"+k.AccessKey] == nil {
		w.load(resource{Kind: "api_key", ID: k.AccessKey, Fields: fields}, now)
	}
}

// bearer is the ID of whose the key says to be, which follows from the name; "" if it does not say.
func (k Key) bearer() string {
	switch {
	case k.User != "":
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte("user/"+k.User)).String()
	case k.Application != "":
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte("application/"+k.Application)).String()
	}
	return ""
}

// principal is the ID of whose a secret is. Secrets that no key has are the owner's.
func (w *world) principal(secret string) string {
	for _, k := range w.keys {
		if k.Secret != secret {
			continue
		}
		if id := k.bearer(); id != "" {
			return id
		}
		if o := w.byID["api_key/"+k.AccessKey]; o != nil {
			d := o.phases[0].doc
			for _, key := range []string{"user_id", "application_id"} {
				if id := text(d, key); id != "" {
					return id
				}
			}
		}
	}
	return ownerID
}
