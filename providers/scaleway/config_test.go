package scaleway_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
)

const configuration = `
access_key: SCWAAAAAAAAAAAAAAAAA
secret_key: aaaaaaaa-2222-4333-8444-555555555555
default_project_id: aaaaaaaa-2222-4222-8222-222222222222
default_region: nl-ams
active_profile: work
profiles:
  work:
    default_region: pl-waw
    api_url: http://127.0.0.1:9/
  home:
    access_key: SCWHHHHHHHHHHHHHHHHH
`

func TestConfiguration(t *testing.T) {
	for _, test := range []struct {
		name, file string
		env        map[string]string
		check      func(*scaleway.Client) bool
	}{
		{"the active profile over the top", configuration, nil, func(c *scaleway.Client) bool {
			return c.AccessKey == "SCWAAAAAAAAAAAAAAAAA" && c.Region == "pl-waw" && c.URL == "http://127.0.0.1:9" && c.Project[:8] == "aaaaaaaa"
		}},
		{"SCW_PROFILE", configuration, map[string]string{"SCW_PROFILE": "home"}, func(c *scaleway.Client) bool {
			return c.AccessKey == "SCWHHHHHHHHHHHHHHHHH" && c.Region == "nl-ams"
		}},
		{"the default profile", configuration, map[string]string{"SCW_PROFILE": "default"}, func(c *scaleway.Client) bool { return c.Region == "nl-ams" }},
		{"the environment above all", configuration, map[string]string{"SCW_DEFAULT_REGION": "it-mil", "SCW_ACCESS_KEY": ""}, func(c *scaleway.Client) bool {
			return c.Region == "it-mil" && c.AccessKey == "SCWAAAAAAAAAAAAAAAAA"
		}},
		{"the environment alone", "", map[string]string{"SCW_ACCESS_KEY": accessKey, "SCW_SECRET_KEY": secretKey}, func(c *scaleway.Client) bool {
			return c.AccessKey == accessKey && c.Project == ""
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := configured(t, test.file, test.env)
			if err != nil {
				t.Fatal(err)
			}
			if !test.check(c) {
				t.Errorf("got %+v", c)
			}
		})
	}
}

// configured makes a client with a configuration file, in a home or where SCW_CONFIG_PATH says.
func configured(t *testing.T, file string, env map[string]string) (*scaleway.Client, error) {
	t.Helper()
	home := t.TempDir()
	if file != "" {
		folder := filepath.Join(home, ".config", "scw")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return scaleway.New(t.Context(), scaleway.Options{Getenv: environment(env), Home: home})
}

// What is missing is named by its variable, what is malformed too, and no value is repeated.
func TestBadConfiguration(t *testing.T) {
	good := map[string]string{"SCW_ACCESS_KEY": accessKey, "SCW_SECRET_KEY": secretKey}
	const canary = "kn0wn-v4lue"
	for _, test := range []struct{ variable, value, says string }{
		{"SCW_ACCESS_KEY", "", "SCW_ACCESS_KEY"},
		{"SCW_SECRET_KEY", "", "SCW_SECRET_KEY"},
		{"SCW_ACCESS_KEY", canary, "SCW_ACCESS_KEY"},
		{"SCW_SECRET_KEY", canary, "SCW_SECRET_KEY"},
		{"SCW_DEFAULT_PROJECT_ID", canary, "SCW_DEFAULT_PROJECT_ID"},
		{"SCW_DEFAULT_ORGANIZATION_ID", canary, "SCW_DEFAULT_ORGANIZATION_ID"},
		{"SCW_DEFAULT_REGION", canary, "SCW_DEFAULT_REGION"},
		{"SCW_DEFAULT_ZONE", canary, "SCW_DEFAULT_ZONE"},
		{"SCW_API_URL", canary, "SCW_API_URL"},
	} {
		env := maps.Clone(good)
		env[test.variable] = test.value
		_, err := configured(t, "", env)
		if err == nil {
			t.Errorf("%s=%q is taken", test.variable, test.value)
			continue
		}
		text := err.Error()
		if !strings.Contains(text, test.says) || !strings.Contains(text, "--simulator") || strings.Contains(text, canary) {
			t.Errorf("%s=%q: %s", test.variable, test.value, text)
		}
	}
}

func TestBadConfigurationFile(t *testing.T) {
	for name, file := range map[string]string{
		"not YAML":        "secret_key: [kn0wn-v4lue",
		"another profile": "active_profile: gone\nsecret_key: kn0wn-v4lue",
	} {
		_, err := configured(t, file, nil)
		if err == nil || !strings.Contains(err.Error(), "config.yaml") || strings.Contains(err.Error(), "kn0wn-v4lue") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProject(t *testing.T) {
	c, err := configured(t, "", map[string]string{"SCW_ACCESS_KEY": accessKey, "SCW_SECRET_KEY": secretKey})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.ProjectOr(projectID); got != projectID || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := c.ProjectOr(""); err == nil || !strings.Contains(err.Error(), "SCW_DEFAULT_PROJECT_ID") {
		t.Errorf("got %v", err)
	}
}
