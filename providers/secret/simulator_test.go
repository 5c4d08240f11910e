package secret_test

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestANewValueIsANewVersion(t *testing.T) {
	p := simulated(t)
	live := p.create("database", fields{"name": "DATABASE_URL", "path": "/shop/", "value": "canary-1"})
	if live.Name != "DATABASE_URL" || live.In != "/shop" || live.Phase != reconcile.Ready || live.Outputs["revision"] != "1" {
		t.Errorf("it is made as %+v", live)
	}
	live = p.apply(live, fields{"name": "DATABASE_URL", "path": "/shop", "value": "canary-2"})
	if got := p.versions(live.ID); !slices.Equal(got, []string{"disabled", "enabled"}) || live.Outputs["revision"] != "2" {
		t.Errorf("the versions are %v, and the latest enabled one is %s", got, live.Outputs["revision"])
	}
	if got := p.value(live.ID, "latest_enabled"); got != "canary-2" {
		t.Errorf("the value is %q", got)
	}
	live = p.apply(live, fields{"path": "/elsewhere", "description": "of the shop", "value": "canary-2"})
	if got := p.versions(live.ID); len(got) != 2 || live.Name != "database" || live.Outputs["path"] != "/elsewhere" {
		t.Errorf("a change of all but the value leaves %v of %s in %s", got, live.Name, live.Outputs["path"])
	}
}

// A value that is made up stays until its policy changes, and is in no live spec.
func TestMadeUpValues(t *testing.T) {
	p := simulated(t)
	live := p.create("key", fields{"generate": fields{}})
	first := p.value(live.ID, "1")
	if left := p.differences(p.get(live.ID), fields{"generate": fields{}}); len(left) > 0 {
		t.Errorf("a second look finds %v", left)
	}
	rotated := fields{"generate": fields{"rotation": "2026-11"}}
	if got := p.differences(live, rotated); !slices.Equal(got, []string{"value", "generate.rotation"}) {
		t.Errorf("another rotation differs in %v", got)
	}
	live = p.apply(live, rotated)
	if second := p.value(live.ID, "latest_enabled"); second == first || len(second) != 32 {
		t.Errorf("after the rotation the value is the same, or %d characters long", len(second))
	}
	p.apply(live, fields{"value": first})
	p.apply(p.get(live.ID), rotated)
	if got := p.versions(live.ID); !slices.Equal(got, []string{"disabled", "disabled", "disabled", "enabled"}) {
		t.Errorf("the versions are %v", got)
	}
}

// What somebody enables without a verifier of ours is a change of the value,
// even if it is the same; so is that nothing is enabled.
func TestVersionsOfOthers(t *testing.T) {
	words := "looks like reconcile:verifier=x"
	for name, tamper := range map[string]func(p *place, id string) error{
		"another version": func(p *place, id string) error {
			_, err := p.CreateSecretVersion(&sdk.CreateSecretVersionRequest{Region: "fr-par", SecretID: id, Data: []byte("theirs")})
			return err
		},
		"the same value by somebody": func(p *place, id string) error {
			_, err := p.CreateSecretVersion(&sdk.CreateSecretVersionRequest{Region: "fr-par", SecretID: id, Data: []byte("canary")})
			return err
		},
		"no version enabled": func(p *place, id string) error {
			_, err := p.DisableSecretVersion(&sdk.DisableSecretVersionRequest{Region: "fr-par", SecretID: id, Revision: "latest"})
			return err
		},
		"a version deleted": func(p *place, id string) error {
			return p.DeleteSecretVersion(&sdk.DeleteSecretVersionRequest{Region: "fr-par", SecretID: id, Revision: "1"})
		},
		"a description that lies": func(p *place, id string) error {
			_, err := p.UpdateSecretVersion(&sdk.UpdateSecretVersionRequest{Region: "fr-par", SecretID: id, Revision: "1", Description: &words})
			return err
		},
	} {
		for sort, spec := range map[string]fields{"given": {"value": "canary"}, "made up": {"generate": fields{}}} {
			t.Run(name+", "+sort, func(t *testing.T) {
				p := simulated(t)
				live := p.create("database", spec)
				if err := tamper(p, live.ID); err != nil {
					t.Fatal(err)
				}
				changed := p.get(live.ID)
				if got := p.differences(changed, spec); got[0] != "value" || len(got) > 1 && name != "a description that lies" {
					t.Errorf("it differs in %v", got)
				}
				p.apply(changed, spec)
				if got := p.versions(live.ID); got[len(got)-1] != "enabled" || slices.Contains(got[:len(got)-1], "enabled") {
					t.Errorf("repaired, the versions are %v", got)
				}
			})
		}
	}
}

func TestProtection(t *testing.T) {
	p := simulated(t)
	spec := func(protected bool) fields { return fields{"protected": protected, "value": "canary"} }
	live := p.create("database", spec(true))
	if !strings.Contains(live.Kept, "protected: false") {
		t.Errorf("what keeps it is %q", live.Kept)
	}
	if err := p.kind.Delete(t.Context(), live); reconcile.ClassOf(err) != reconcile.Conflict {
		t.Errorf("a protected secret is deleted: %v", err)
	}
	live = p.apply(live, spec(false))
	if live.Kept != "" {
		t.Errorf("%q keeps it", live.Kept)
	}
	live = p.apply(p.apply(live, spec(true)), spec(false))
	if got := p.versions(live.ID); len(got) != 1 {
		t.Errorf("its protection made versions: %v", got)
	}
}

// A deleted secret can be restored for a while, but counts as gone; its name is free.
func TestDeletion(t *testing.T) {
	p := simulated(t)
	live := p.create("database", fields{"value": "canary-1"})
	for range 2 { // what is gone already is no error
		if err := p.kind.Delete(t.Context(), live); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := p.kind.Get(t.Context(), p.scope, live.ID); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("it is still there: %v", err)
	}
	again := p.create("database", fields{"value": "canary-2"})
	all, err := p.kind.List(t.Context(), p.scope)
	if err != nil || len(all) != 1 || all[0].ID != again.ID || again.ID == live.ID {
		t.Errorf("there are %d, %v", len(all), err)
	}
	want := reconcile.Desired[any]{Key: "Secret/x", Name: "database", Scope: p.scope, Spec: wanted(t, "database", fields{"value": "x"})}
	if _, err := p.kind.Create(t.Context(), want); reconcile.ClassOf(err) != reconcile.Conflict {
		t.Errorf("a second of the name in the folder: %v", err)
	}
}

// Values and what was made up are in nothing that prints.
func TestNothingPrintsValues(t *testing.T) {
	p := simulated(t)
	live := p.create("database", fields{"value": "canary-1"})
	for _, d := range p.kind.Differences(live.Spec, wanted(t, "database", fields{"value": "canary-2"})) {
		if !d.Secret || d.From == nil || d.To == nil || d.From.(reconcile.Secret).String() != reconcile.Masked {
			t.Errorf("the difference is %+v", d)
		}
	}
	for _, call := range p.sim.Log() {
		if strings.Contains(call.Path, "canary") {
			t.Errorf("%s holds the value", call.Path)
		}
	}
	version, err := p.GetSecretVersion(&sdk.GetSecretVersionRequest{Region: "fr-par", SecretID: live.ID, Revision: "1"})
	if err != nil || strings.Contains(*version.Description, "canary") || !strings.HasPrefix(*version.Description, "reconcile:verifier=$argon2id$") {
		t.Errorf("the description is %q, %v", *version.Description, err)
	}
}

// What a person keeps in a folder for the stack is listed as such, by its name only.
func TestSecretsByHand(t *testing.T) {
	p := simulated(t)
	folder := secret.Folder{Reader: secret.Reader{Client: p.client}, Region: "fr-par", Project: p.client.Project, Path: "/shop"}
	made, err := folder.Make(t.Context(), "TOKEN", markOf("", ""))
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.kind.List(t.Context(), p.scope)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d are listed, %v", len(all), err)
	}
	if got := all[0]; got.ID != made.ID || got.In != "/shop" || got.Mark != markOf("", "") {
		t.Errorf("it is listed as %+v", got)
	}
}
