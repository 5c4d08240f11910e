package remote

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestS13NobodyUnknown: a daemon whose certificate nobody vouches for gets no token.
func TestS13NobodyUnknown(t *testing.T) {
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it will not be believed
	server.StartTLS()
	defer server.Close()
	st := open(t, server.URL)
	_, err := st.Standings(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), secret) || asked > 0 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if err := st.SaveRun(t.Context(), reconcile.Run{JID: "20261121120000000000"}); err == nil || asked > 0 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
