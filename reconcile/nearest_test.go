package reconcile_test

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestNearest(t *testing.T) {
	fields := []string{"region", "memoryLimitMb", "cpuLimit", "privacy", "port", "id", "minScale", "maxScale"}
	tests := []struct{ word, want string }{
		{"memoryLimtMb", "memoryLimitMb"},
		{"memory_limit_mb", "memoryLimitMb"},
		{"MEMORYLIMITMB", "memoryLimitMb"},
		{"memoryLimit", "memoryLimitMb"},
		{"regoin", "region"},
		{"regions", "region"},
		{"prot", "port"},
		{"maxscale", "maxScale"},
		{"mixScale", "minScale"}, // as near as maxScale: the first wins
		{"cpu", ""},
		{"ip", ""}, // too short to guess
		{"ID", "id"},
		{"image", ""},
		{"", ""},
		{strings.Repeat("x", 1<<20), ""},
	}
	for _, tt := range tests {
		if got := reconcile.Nearest(tt.word, fields); got != tt.want {
			t.Errorf("Nearest(%.20q): got %q, want %q", tt.word, got, tt.want)
		}
	}
	if got := reconcile.Nearest("Contaner", []string{"Stack", "Container", "ContainerNamespace"}); got != "Container" {
		t.Errorf("got %q, want Container", got)
	}
	if got := reconcile.Nearest("x", nil); got != "" {
		t.Errorf("among nothing: got %q", got)
	}
}
