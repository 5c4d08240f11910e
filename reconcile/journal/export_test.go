package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestExport(t *testing.T) {
	records := chain(t, shop, 2)
	lines := strings.SplitAfter(string(export(t, records)), "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%d lines", len(lines)-1)
	}
	first := `{"_stamp":"2026-11-21T12:00:00.123456Z","action":"update","actor":{"kind":"cli","user":"Zoë <z@b>"},` +
		`"calls":[{"m":"PATCH","ms":5,"path":"/x","status":200,"sys":"scaleway"}],` +
		`"change":"0000000000000000000000000000000000000000000000000000000000000000","event":"prog","fun":"container.present",` +
		`"hash":"` + records[0].Sum + `","id":"Container/c0","jid":"20261121120000123456","prev":"","resource":"id",` +
		`"ret":{"__sls__":"","changes":{"memoryLimitMb":{"new":"512","old":"256"}},"comment":"a\nb\t\"c\" & ` + "\u2028" + `",` +
		`"duration_us":0,"name":"c","result":true,"started_at":"0001-01-01T00:00:00Z"},"rev":"4f2a91c","run_num":0,"seq":1,` +
		`"stack":"shop.5b0c1f2e","tag":"reconcile/job/20261121120000123456/prog/Container/c0/0","v":1}` + "\n"
	if lines[0] != first {
		t.Errorf("line 1 is\n%sand not\n%s", lines[0], first)
	}
	if last := lines[2]; !strings.HasPrefix(last, `{"count":2,"hash":"sha256:`) ||
		!strings.HasSuffix(last, `","head":"`+records[1].Sum+`","seqs":"1-2","stack":"shop.5b0c1f2e","v":1}`+"\n") {
		t.Errorf("the last line is %s", last)
	}
}

func TestExportVerifies(t *testing.T) {
	one, other := chain(t, blog, 3), chain(t, shop, 9)
	choices := map[string][]reconcile.Record{
		"a chain":                 other,
		"two chains":              slices.Concat(one, other),
		"nothing":                 nil,
		"a choice":                {other[1], other[2], other[3], other[6], other[8]},
		"the end":                 other[4:],
		"choices of two":          {one[1], other[0], other[8]},
		"a record, not the first": other[8:],
	}
	for name, records := range choices {
		heads, err := VerifyExport(bytes.NewReader(export(t, records)))
		var count int64
		for _, head := range heads {
			count += head.Count
		}
		if err != nil || count != int64(len(records)) {
			t.Errorf("%s: %v %v", name, heads, err)
		}
	}
	heads, err := VerifyExport(bytes.NewReader(export(t, other)))
	if want, _ := Verify(each(other)); err != nil || !slices.Equal(heads, want) {
		t.Errorf("%v %v", heads, want)
	}
}

func TestExportFails(t *testing.T) {
	broken := errors.New("no")
	err := Export(&bytes.Buffer{}, func(yield func(reconcile.Record, error) bool) { yield(reconcile.Record{}, broken) })
	if err != broken {
		t.Error(err)
	}
	if err := Export(full{}, each(chain(t, shop, 20))); err == nil {
		t.Error("a full disk was not noticed")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestVerifyExportCut(t *testing.T) {
	whole := export(t, chain(t, shop, 3))
	lines := bytes.SplitAfter(whole, []byte("\n"))
	choice := bytes.SplitAfter(export(t, chain(t, shop, 3)[1:]), []byte("\n"))
	for name, test := range map[string]struct {
		text []byte
		want string
	}{
		"empty":                   {nil, "line 1: the file is empty"},
		"without last line":       {bytes.Join(lines[:3], nil), "line 4: stack " + shop + ": the file was cut off after record 3: the last line is missing"},
		"without records":         {lines[3], "record 1 was removed or moved: the last line names it"},
		"amid a line":             {whole[:len(whole)-300], "the line is not complete"},
		"without last newline":    {whole[:len(whole)-1], "the line is not complete"},
		"cut and closed by other": {bytes.Join([][]byte{lines[1], lines[2], lines[3]}, nil), "record 1 was removed"},
		"more than the last line": {bytes.Join([][]byte{lines[0], lines[1], lines[2], choice[2]}, nil), "record 1 was inserted: the last line does not name it"},
		"twice":                   {append(whole, whole...), "record 1 (reconcile/job/20261121120000123456/prog/Container/c0/0) was inserted: its stack has ended"},
		"not JSON":                {[]byte("hello\n"), "line 1: the line was changed: it is not readable"},
		"other JSON":              {[]byte("{}\n"), "line 1: the line was changed: it is no record"},
		"white space":             {bytes.Replace(whole, []byte(`"count":`), []byte(`"count": `), 1), "line 4: stack " + shop + ": the line after record 3 was changed"},
		"an unknown field":        {bytes.Replace(whole, []byte(`"event"`), []byte(`"eve":1,"event"`), 1), "record 1 (reconcile/job/20261121120000123456/prog/Container/c0/0) was changed"},
	} {
		if _, err := VerifyExport(bytes.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, not %q", name, err, test.want)
		}
	}
}

// TestR43_Export does everything to an export that a file's bytes allow.
func TestR43_Export(t *testing.T) {
	text := export(t, chain(t, shop, 3))
	random := rand.New(rand.NewPCG(5, 6))
	for i := range text {
		tampered := bytes.Clone(text)
		tampered[i] ^= byte(1 + random.IntN(255))
		if _, err := VerifyExport(bytes.NewReader(tampered)); err == nil {
			t.Fatalf("byte %d as %q: not found", i, tampered[i])
		}
	}
	for range 500 {
		from, to := random.IntN(len(text)), random.IntN(len(text))
		if from == to {
			continue
		}
		tampered := slices.Delete(bytes.Clone(text), min(from, to), max(from, to))
		if _, err := VerifyExport(bytes.NewReader(tampered)); err == nil {
			t.Fatalf("bytes %d to %d: their removal was not found", from, to)
		}
	}
	t.Logf("R43: every one of an export's %d bytes changed, and 500 parts removed: all found", len(text))
}

// FuzzVerify flips one byte of an export and expects that to be found.
func FuzzVerify(f *testing.F) {
	text := export(f, chain(f, shop, 3))
	f.Add(uint(0), byte(1))
	f.Add(uint(len(text)-1), byte(3))
	f.Add(uint(100), byte(0x20))
	f.Fuzz(func(t *testing.T, at uint, flip byte) {
		tampered := bytes.Clone(text)
		tampered[at%uint(len(text))] ^= flip
		_, err := VerifyExport(bytes.NewReader(tampered))
		if found := err != nil; found != (flip != 0) {
			t.Errorf("byte %d by %#x: %v", at, flip, err)
		}
	})
}

// FuzzVerifyExport reads anything without panic.
func FuzzVerifyExport(f *testing.F) {
	f.Add(export(f, chain(f, shop, 2)))
	f.Add([]byte(`{"head":"","hash":"x","seqs":"3-1,-5,9999999999999999999"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if heads, err := VerifyExport(bytes.NewReader(text)); err == nil && len(heads) == 0 {
			t.Error("nothing was taken for an export")
		}
	})
}

func TestRanges(t *testing.T) {
	for text, numbers := range map[string][]int64{"": nil, "1": {1}, "1-3": {1, 2, 3}, "2,4-5,9": {2, 4, 5, 9}} {
		var r ranges
		for _, n := range numbers {
			r.add(n)
		}
		var back ranges
		if got, _ := r.MarshalText(); string(got) != text || back.UnmarshalText(got) != nil || !slices.Equal(r, back) {
			t.Errorf("%v is %q, and back %v", numbers, got, back)
		}
	}
	if err := new(ranges).UnmarshalText([]byte("1,x")); err == nil {
		t.Error("x is taken for a number")
	}
}

func BenchmarkVerifyExport(b *testing.B) {
	text := export(b, chain(b, shop, 1000))
	for b.Loop() {
		if _, err := VerifyExport(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "us/record")
}
