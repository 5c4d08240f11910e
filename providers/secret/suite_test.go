package secret_test

import (
	"testing"

	"gitlab.com/reconciled/reconciled/providers/providertest"
	"gitlab.com/reconciled/reconciled/providers/secret"
)

// TestSuite takes secrets through states that change every field.
func TestSuite(t *testing.T) {
	providertest.Run(t, providertest.Suite{
		Kinds:   secret.Kinds,
		Values:  map[string]string{"DATABASE": "first-password", "OTHER": "first-other", "LOGIN": `{"username":"shop","password":"first-login"}`},
		Foreign: suiteForeign,
		States: []providertest.State{
			{Name: "all at once", Manifests: suiteFirst},
			{Name: "in place", Manifests: suiteInPlace, Want: []string{"update Secret/database", "update Secret/made-up"}},
			{Name: "the value alone", Manifests: suiteInPlace, Values: map[string]string{"OTHER": "second-other"}, Want: []string{"update Secret/database"}},
			{Name: "another type, value and generate", Manifests: suiteSwapped, Want: []string{
				"update Secret/database", "replace Secret/login", "update Secret/made-up",
			}},
			{Name: "another region", Manifests: suiteElsewhere, Regions: []string{"fr-par", "nl-ams"}, Want: []string{
				"replace Secret/database", "delete Secret/login", "delete Secret/made-up",
			}},
		},
	})
}

// suiteForeign is there before, and nobody's. One of ours has its name, elsewhere.
const suiteForeign = `
apiVersion: reconcile/v1
kind: Secret
metadata: {name: made-up}
spec:
  path: /alien
  generate: {}
`

const suiteFirst = `
apiVersion: reconcile/v1
kind: Secret
metadata: {name: database, labels: {team: web}}
spec:
  value: {valueFrom: {env: DATABASE}}
---
apiVersion: reconcile/v1
kind: Secret
metadata: {name: login}
spec:
  type: basic_credentials
  value: {valueFrom: {env: LOGIN}}
---
apiVersion: reconcile/v1
kind: Secret
metadata: {name: made-up}
spec:
  protected: true
  generate: {}
`

// suiteInPlace changes all that can be changed in place, and nothing of one.
const suiteInPlace = `
apiVersion: reconcile/v1
kind: Secret
metadata: {name: database, labels: {team: shop}}
spec:
  name: DATABASE_URL
  path: /shop/production
  description: of the shop
  value: {valueFrom: {env: OTHER}}
---
apiVersion: reconcile/v1
kind: Secret
metadata: {name: login}
spec:
  type: basic_credentials
  value: {valueFrom: {env: LOGIN}}
---
apiVersion: reconcile/v1
kind: Secret
metadata: {name: made-up}
spec:
  protected: false
  generate: {length: 40, atLeast: 2, special: "", rotation: "2026-11"}
`

// suiteSwapped takes a value for one that was made up, and the other way round.
const suiteSwapped = `
apiVersion: reconcile/v1
kind: Secret
metadata: {name: database}
spec:
  name: DATABASE_URL
  path: /shop/production
  protected: false
  generate: {special: "!-_"}
---
apiVersion: reconcile/v1
kind: Secret
metadata: {name: login}
spec:
  type: key_value
  value: {valueFrom: {env: LOGIN}}
---
apiVersion: reconcile/v1
kind: Secret
metadata: {name: made-up}
spec:
  value: {valueFrom: {env: DATABASE}}
`

const suiteElsewhere = `
apiVersion: reconcile/v1
kind: Secret
metadata: {name: database}
spec:
  region: nl-ams
  generate: {rotation: "1"}
`
