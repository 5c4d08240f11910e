package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestDoctorsClock(t *testing.T) {
	here := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		date string
		want string
	}{
		{"as it should be", here.Format(http.TimeFormat), wellState},
		{"a minute behind", here.Add(59 * time.Second).Format(http.TimeFormat), wellState},
		{"behind", here.Add(3 * time.Minute).Format(http.TimeFormat), failedState},
		{"ahead", here.Add(-3 * time.Minute).Format(http.TimeFormat), failedState},
		{"a day ahead", here.Add(-24 * time.Hour).Format(http.TimeFormat), failedState},
		{"no date", "", skippedState},
		{"no sense", "yesterday", skippedState},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &doctor{}
			d.skew("clock", "the API", test.date, here)
			if len(d.Checks) != 1 || d.Checks[0].State != test.want {
				t.Errorf("got %+v, want %s", d.Checks, test.want)
			}
		})
	}
}

// An API whose clock is far from ours: the machine is told, and all else is looked at.
func TestDoctorSaysThatTheClockIsWrong(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message":"resource is not found"}`))
	}))
	defer server.Close()
	code, out := inProcess(t, t.TempDir(), map[string]string{
		"SCW_API_URL": server.URL, "SCW_ACCESS_KEY": "SCWXXXXXXXXXXXXXXXXX", "SCW_SECRET_KEY": "22222222-2222-4222-8222-222222222222",
		"SCW_DEFAULT_PROJECT_ID": "22222222-2222-4222-8222-222222222223",
	}, "doctor", ".")
	if code != 1 || !strings.Contains(out, "this machine is 1h0m0s ahead of the API") || !strings.Contains(out, "fix: let NTP set the clock") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if strings.Contains(out, "22222222-2222-4222-8222-222222222222") {
		t.Errorf("the secret key is printed:\n%s", out)
	}
}

func TestDoctorsKey(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name, expires, says string
		code                int
	}{
		{"no end", "", "accepted; it has no end", 0},
		{"a far end", now.Add(365 * 24 * time.Hour).UTC().Format(time.RFC3339), "accepted until ", 0},
		{"a near end", now.Add(48 * time.Hour).UTC().Format(time.RFC3339), "it ends soon, on ", 0},
		{"over", now.Add(-48 * time.Hour).UTC().Format(time.RFC3339), "the API key has expired", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, env := startSimulator(t)
			if test.expires != "" {
				patch(t, url, env["SCW_ACCESS_KEY"], env["SCW_SECRET_KEY"], `{"expires_at":"`+test.expires+`"}`)
			}
			code, out := inProcess(t, t.TempDir(), env, "doctor", ".")
			if code != test.code || !strings.Contains(out, test.says) {
				t.Errorf("exit %d, want %d with %q\n%s", code, test.code, test.says, out)
			}
		})
	}
}

// patch changes an API key.
func patch(t *testing.T, url, key, secret, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, url+"/iam/v1alpha1/api-keys/"+key, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

// Images without a shell are checked by the program itself.
func TestDoctorAsksADaemonWhetherItLives(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("it asks for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("stuck\x1b[2J"))
	}))
	defer server.Close()
	if code, out := inProcess(t, t.TempDir(), nil, "doctor", "--alive", server.URL+"/"); code != 0 || !strings.Contains(out, "is alive") {
		t.Errorf("exit %d\n%s", code, out)
	}
	status = http.StatusServiceUnavailable
	if code, out := inProcess(t, t.TempDir(), nil, "doctor", "--alive", server.URL); code != 1 || !strings.Contains(out, "503") || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d\n%q", code, out)
	}
	for _, url := range []string{"http://127.0.0.1:1", "not a url"} {
		if code, _ := inProcess(t, t.TempDir(), nil, "doctor", "--alive", url); code != 1 {
			t.Errorf("%s: exit %d", url, code)
		}
	}
}
