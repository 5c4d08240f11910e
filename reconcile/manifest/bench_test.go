package manifest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// containers is a tree of n files with ten ordinary containers each.
func containers(n int) fstest.MapFS {
	out := fstest.MapFS{}
	for i := range n {
		var b strings.Builder
		for j := range 10 {
			fmt.Fprintf(&b, `---
apiVersion: reconcile/v1
kind: Container
metadata:
  name: api-%d-%d
  labels: {team: shop, tier: backend}
spec:
  region: fr-par
  image: rg.fr-par.scw.cloud/shop/api:v1.4.%d
  port: 8080
  cpuLimit: 280
  memoryLimitMb: 512
  minScale: 0
  maxScale: 5
  timeoutSeconds: 300
  privacy: public
  env:
    variables:
      LOG_LEVEL: info # for now
      REGION: fr-par
      NUMBER: "%d"
`, i, j, j, i)
		}
		out[fmt.Sprintf("containers/%04d.yaml", i)] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return out
}

// flat is one file of n maps with as many keys as a map may have.
func flat(n int) fstest.MapFS {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "m%d:\n", i)
		for j := range 1000 {
			fmt.Fprintf(&b, "  key%d: v\n", j)
		}
	}
	return tree("m.yaml", head+b.String())
}

// oneMap is one file with a map of n keys.
func oneMap(n int) fstest.MapFS { return tree("m.yaml", manyKeys(n)) }

// BenchmarkReadContainers reads 1,000 containers in 100 files.
func BenchmarkReadContainers(b *testing.B) {
	in, o := containers(100), manifest.Options{Kinds: testKinds()}
	b.ReportAllocs()
	for b.Loop() {
		if s := manifest.Read(in, o); len(s.Manifests) != 1000 || len(s.Problems) > 0 {
			b.Fatalf("got %d manifests, %v", len(s.Manifests), s.Problems)
		}
	}
}

// The cost is linear: four times as much takes about four times as long. With
// yaml.v3's own decoding into maps it would take sixteen times as long.
func BenchmarkLinear(b *testing.B) {
	for _, bench := range []struct {
		name string
		n    int
		tree func(int) fstest.MapFS
	}{
		{"files", 50, containers},
		{"keys of one map", 500, oneMap},
		{"keys", 8, flat},
	} {
		b.Run(bench.name, func(b *testing.B) {
			small, large := bench.tree(bench.n), bench.tree(4*bench.n)
			took := [2]time.Duration{time.Hour, time.Hour} // the least of all rounds
			for b.Loop() {
				for i, in := range []fstest.MapFS{small, large} {
					start := time.Now()
					manifest.Read(in, manifest.Options{Kinds: testKinds()})
					took[i] = min(took[i], time.Since(start))
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "times-for-4n")
		})
	}
}

func BenchmarkNearest(b *testing.B) {
	names := []string{"region", "memoryLimitMb", "cpuLimit", "privacy", "port", "minScale", "maxScale", "timeoutSeconds"}
	for b.Loop() {
		reconcile.Nearest("memoryLimtMb", names)
	}
}
