package journal

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func checkpointOf(t testing.TB) Signed {
	t.Helper()
	s, err := Sign(Checkpoint{Stack: shop, Count: 12, Head: chain(t, shop, 1)[0].Sum, Time: noon, Run: "20261121120000123456", Revision: "4f2a91c"}, testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckpoint(t *testing.T) {
	s := checkpointOf(t)
	if err := VerifyCheckpoint(s, public(testKey(2)), public(testKey(1))); err != nil {
		t.Error(err)
	}
	if err := VerifyCheckpoint(s, public(testKey(2))); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("another key: %v", err)
	}
	if err := VerifyCheckpoint(s); err == nil {
		t.Error("no key at all is enough")
	}
	again, err := DecodeCheckpoint(s.Line())
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("%+v %v", again, err)
	}
	r := s.Record(reconcile.Actor{Kind: "cli"})
	r.Seq = 13
	if held, ok := CheckpointOf(r); !ok || held != s {
		t.Errorf("%+v %v", held, ok)
	}
	r.Seq = 12
	if _, ok := CheckpointOf(r); ok {
		t.Error("a record is no checkpoint of itself")
	}
	if _, err := Sign(Checkpoint{Stack: shop, Head: s.Head, Time: noon}, testKey(1)); err == nil {
		t.Error("a checkpoint of nothing is signed")
	}
	if _, err := Sign(s.Checkpoint, nil); err == nil {
		t.Error("signed without a key")
	}
}

// Each field is signed: to change one is to break the signature.
func TestCheckpointFields(t *testing.T) {
	s := checkpointOf(t)
	v := reflect.ValueOf(&s.Checkpoint).Elem()
	for i := range v.NumField() {
		changed := s
		f := reflect.ValueOf(&changed.Checkpoint).Elem().Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "0")
		case reflect.Int, reflect.Int64:
			f.SetInt(f.Int() + 1)
		default:
			changed.Time = changed.Time.Add(1)
		}
		if VerifyCheckpoint(changed, public(testKey(1))) == nil {
			t.Errorf("%s can be changed", v.Type().Field(i).Name)
		}
	}
}

func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := MakeKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	key, err := ReadKey(path)
	if err != nil || !public(key).Equal(made) {
		t.Errorf("the key is another: %v", err)
	}
	if _, err := MakeKey(path); err == nil || !strings.Contains(err.Error(), "never written over") {
		t.Errorf("written over: %v", err)
	}
	keys, err := ParsePublicKeys([]byte(PublicText(made) + PublicText(public(testKey(1)))))
	if err != nil || len(keys) != 2 || !keys[0].Equal(made) {
		t.Errorf("%v %v", keys, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others may read it: %v", err)
	}
	if _, err := ParsePublicKeys([]byte(readFile(t, path))); err == nil || strings.Contains(err.Error(), "MC4") {
		t.Errorf("a private key as public one: %v", err)
	}
	for _, text := range []string{"", "x", PublicText(made), otherKey(t)} {
		if _, err := ParseKey([]byte(text)); err == nil {
			t.Errorf("%.20q is taken for a key", text)
		}
	}
}

func otherKey(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// What the help says of openssl is so.
func TestKeysOfOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: nothing to compare with")
	}
	path := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command(openssl, "genpkey", "-algorithm", "ed25519", "-out", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ReadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(openssl, "pkey", "-in", path, "-pubout").Output()
	if err != nil || string(out) != PublicText(public(key)) {
		t.Errorf("%s is not %s: %v", out, PublicText(public(key)), err)
	}
}

// FuzzDecodeCheckpoint: what is read is what was written, byte by byte, and
// nothing that was not signed is taken for signed.
func FuzzDecodeCheckpoint(f *testing.F) {
	key := testKey(1)
	s, err := Sign(Checkpoint{Stack: shop, Count: 1, Head: "sha256:" + strings.Repeat("a", 64), Time: noon}, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Line())
	f.Add([]byte(`{"count":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := DecodeCheckpoint(line)
		if err != nil {
			return
		}
		if string(c.Line()) != string(line) {
			t.Errorf("%s is read as %s", line, c.Line())
		}
		if c != s && VerifyCheckpoint(c, key.Public().(ed25519.PublicKey)) == nil {
			t.Errorf("%s is taken for signed", line)
		}
	})
}
