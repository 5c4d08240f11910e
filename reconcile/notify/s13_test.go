package notify

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestS13NobodyUnknown: a receiver whose certificate nobody vouches for is told nothing.
func TestS13NobodyUnknown(t *testing.T) {
	told := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told++ }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it will not be believed
	server.StartTLS()
	defer server.Close()
	err := hookTo(t, server.URL+"/services/canary", "hush-hush").Post(context.Background(), "msg_1", noon, []byte(`{}`))
	if err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "canary") || told > 0 {
		t.Errorf("told %d times: %v", told, err)
	}
}
