package repo_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
	"golang.org/x/crypto/ssh"
)

// A signing makes an armored signature over bytes.
type signing func(payload string) string

func sshSigning(t testing.TB, signer ssh.Signer, namespace string) signing {
	return func(payload string) string {
		sig, err := sshsig.Sign(strings.NewReader(payload), signer, sshsig.HashSHA512, namespace)
		if err != nil {
			t.Fatal(err)
		}
		return string(sshsig.Armor(sig))
	}
}

func gpgSigning(t testing.TB, e *openpgp.Entity, config *packet.Config) signing {
	return func(payload string) string {
		var out bytes.Buffer
		if err := openpgp.ArmoredDetachSign(&out, e, strings.NewReader(payload), config); err != nil {
			t.Fatal(err)
		}
		return out.String() + "\n"
	}
}

// sha1Signing signs over a hash that openpgp itself no longer signs over.
func sha1Signing(t testing.TB, e *openpgp.Entity, config *packet.Config) signing {
	return func(payload string) string {
		sig := &packet.Signature{
			Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: e.PrimaryKey.PubKeyAlgo,
			Hash: crypto.SHA1, CreationTime: config.Now(), IssuerKeyId: &e.PrimaryKey.KeyId,
		}
		plain := &packet.Config{Time: config.Time, NonDeterministicSignaturesViaNotation: new(bool)}
		h := crypto.SHA1.New()
		h.Write([]byte(payload))
		var out bytes.Buffer
		w, err := armor.Encode(&out, openpgp.SignatureType, nil)
		if err == nil {
			err = errors.Join(sig.Sign(h, e.PrivateKey, plain), sig.Serialize(w), w.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return out.String() + "\n"
	}
}

// gpgEntity makes a key at a time, valid for seconds, 0 being for ever.
func gpgEntity(t testing.TB, at time.Time, seconds uint32) (*openpgp.Entity, *packet.Config) {
	t.Helper()
	config := &packet.Config{Time: func() time.Time { return at }, KeyLifetimeSecs: seconds, Algorithm: packet.PubKeyAlgoEdDSA}
	e, err := openpgp.NewEntity("Ada", "", "ada@example.com", config)
	if err != nil {
		t.Fatal(err)
	}
	return e, config
}

func public(t testing.TB, entities ...*openpgp.Entity) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, e := range entities {
		w, err := armor.Encode(&all, openpgp.PublicKeyType, nil)
		if err == nil {
			err = errors.Join(e.Serialize(w), w.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		all.WriteByte('\n')
	}
	return all.Bytes()
}

func allow(options string, signers ...ssh.Signer) []byte {
	var out strings.Builder
	for _, s := range signers {
		fmt.Fprintf(&out, "ada@example.com %s%s", options, ssh.MarshalAuthorizedKey(s.PublicKey()))
	}
	return []byte(out.String())
}

// header is a commit's signature as Git writes it.
func header(name, armored string) string {
	return name + " " + strings.ReplaceAll(strings.TrimSuffix(armored, "\n"), "\n", "\n ") + "\n"
}

// signed is a commit whose payload is head and body, with its signature between.
func signed(sign signing, head, body string) string {
	return head + header("gpgsig", sign(head+body)) + body
}

// oddities are commits that two readers could take apart differently. strict
// are those that git accepts and we do not, on purpose.
func oddities(sign signing, tree string) (cases []struct {
	name, raw string
	strict    bool
}) {
	head := "tree " + tree + "\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n"
	body := "\nMessage\n"
	add := func(name, raw string) {
		cases = append(cases, struct {
			name, raw string
			strict    bool
		}{name, raw, false})
	}
	strict := func(name, raw string) { add(name, raw); cases[len(cases)-1].strict = true }
	add("plain", signed(sign, head, body))
	add("unsigned", head+body)
	add("message changed", strings.Replace(signed(sign, head, body), "Message", "Massage", 1))
	add("author changed", strings.Replace(signed(sign, head, body), "author A", "author B", 1))
	add("author twice", signed(sign, strings.Replace(head, "author A", "author A <a@example.com> 1700000000 +0000\nauthor A", 1), body))
	add("author twice, signed once", strings.Replace(signed(sign, head, body), "author A", "author A <a@example.com> 1700000000 +0000\nauthor A", 1))
	add("tree twice", signed(sign, strings.Replace(head, "\nauthor", "\ntree "+strings.Repeat("1", 40)+"\nauthor", 1), body))
	add("odd spaces", signed(sign, strings.Replace(head, "author A", "author   A ", 1), body))
	add("odd spaces, signed without", strings.Replace(signed(sign, head, body), "author A", "author  A", 1))
	add("line ends", signed(sign, head, "\nMessage\r\n\r\n"))
	add("line ends, signed without", strings.Replace(signed(sign, head, body), "Message\n", "Message\r\n", 1))
	add("not UTF-8", signed(sign, head, "\n\xff\xfeMessage\xc3\n"))
	add("not UTF-8 author", signed(sign, strings.Replace(head, "author A", "author \xe4", 1), body))
	add("encoding", signed(sign, head+"encoding ISO-8859-1\n", "\n\xe4\n"))
	add("no newline at the end", signed(sign, head, "\nMessage"))
	add("newlines at the end", signed(sign, head, "\nMessage\n\n\n"))
	add("newlines at the end, signed without", signed(sign, head, body)+"\n\n")
	add("no message", signed(sign, head, "\n"))
	add("header after the signature", strings.Replace(signed(sign, head+"x-extra 1\n", body), "x-extra 1\n", "", 1))
	add("signature first", head[:46]+header("gpgsig", sign(head+body))+head[46:]+body)
	add("signature before another header", head+header("gpgsig", sign(head+"x-extra 1\n"+body))+"x-extra 1\n"+body)
	add("signature in the message", head+"\n"+header("gpgsig", sign(head+body))+"Message\n")
	add("message that quotes one", signed(sign, head, "\ngpgsig -----BEGIN\n Message\n"))
	add("signature of another commit", head+header("gpgsig", sign(head+"\nAnother\n"))+body)
	add("merge tag with a signature", signed(sign, head+"mergetag object "+tree+"\n type commit\n gpgsig x\n", body))
	add("zero in the message", signed(sign, head, "\nMess\x00age\n"))
	add("parent below the author", signed(sign, head+"parent "+strings.Repeat("1", 40)+"\n", body))
	add("two signatures, the second over both", func() string {
		one := head + header("gpgsig", sign(head+"\nOther\n"))
		return one + header("gpgsig", sign(head+body)) + body
	}())
	add("garbage before the armor", head+header("gpgsig", "garbage\n"+sign(head+body))+body)
	strict("two equal signatures", head+header("gpgsig", sign(head+body))+header("gpgsig", sign(head+body))+body)
	strict("garbage after the armor", head+header("gpgsig", sign(head+body)+"garbage\n")+body)
	strict("signature for SHA-256 beside it", head+header("gpgsig-sha256", "x\ny")+header("gpgsig", sign(head+body))+body)
	strict("unsigned words in a header of that sort", head+"gpgsigx evil\n"+header("gpgsig", sign(head+body))+body)
	strict("signature with trailing spaces", head+header("gpgsig", strings.Replace(sign(head+body), "-----\n", "-----  \n", 1))+body)
	return cases
}

// A signature counts only if it is over a commit's raw bytes. On a corpus of odd
// commits we are held against the real git, and are never laxer than it.
func TestS6RawBytes(t *testing.T) {
	t.Parallel()
	g := newGit(t)
	for _, tool := range []string{"ssh-keygen", "gpg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: git cannot verify signatures to compare with", tool)
		}
	}
	g.commit("First", "a.yaml", "a: 1\n")
	tree := g.git("rev-parse", "HEAD^{tree}")
	_, key := sshKey(t)
	entity, config := gpgEntity(t, time.Unix(1600000000, 0), 0)
	keys, signers := public(t, entity), allow("", key)
	home, err := os.MkdirTemp("", "gpg") // gpg's sockets need a short path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	writeFile(t, home+"/keys", string(keys))
	writeFile(t, home+"/signers", string(signers))
	g.git("config", "gpg.ssh.allowedSignersFile", home+"/signers")
	imported := exec.Command("gpg", "--batch", "--no-autostart", "--import", home+"/keys")
	imported.Env = append(gitEnv(home), "GNUPGHOME="+home)
	if out, err := imported.CombinedOutput(); err != nil {
		t.Skipf("gpg does not take the key: %v\n%s", err, out)
	}
	verify := repo.Verify{Mode: "HEAD", AllowedSigners: signers, GPGKeys: keys}
	agreed, stricter, total := 0, 0, 0
	for kind, sign := range map[string]signing{"ssh": sshSigning(t, key, "git"), "gpg": gpgSigning(t, entity, config)} {
		for _, c := range oddities(sign, tree) {
			total++
			write := g.command("hash-object", "-t", "commit", "-w", "--stdin", "--literally")
			write.Stdin = strings.NewReader(c.raw)
			out, err := write.Output()
			if err != nil {
				t.Fatal(err)
			}
			hash := strings.TrimSpace(string(out))
			_, _, err = open(t, g.dir, repo.Options{Ref: hash, Verify: verify}).Tree(context.Background())
			check := g.command("verify-commit", hash)
			check.Env = append(check.Env, "GNUPGHOME="+home)
			said, gitErr := check.CombinedOutput()
			switch {
			case (err == nil) == (gitErr == nil):
				agreed++
			case err != nil && c.strict:
				stricter++
			default:
				t.Errorf("%s, %s: we say %v, git says %v\n%s", kind, c.name, err, gitErr, said)
			}
		}
	}
	t.Logf("S6: %d of %d agree with git verify-commit, %d are refused on purpose where git accepts", agreed, total, stricter)
}

// A verdictCase is a signature, who may sign, and what must be said of it.
type verdictCase struct {
	name    string
	sign    signing
	signers []byte
	verdict repo.Verdict // "" is accepted
}

func sshVerdicts(t testing.TB) []verdictCase {
	_, key := sshKey(t)
	_, stranger := sshKey(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no short keys: ", err)
	}
	short, err := ssh.NewSignerFromKey(weak)
	if err != nil {
		t.Fatal(err)
	}
	sign := sshSigning(t, key, "git")
	return []verdictCase{
		{"ssh", sign, allow("", key), ""},
		{"ssh among others", sign, append([]byte("# staff\n\n"), allow("", stranger, key)...), ""},
		{"ssh for git", sign, allow(`namespaces="file,git" `, key), ""},
		{"ssh within its time", sign, allow(`valid-after="20231101Z",valid-before="20240101Z" `, key), ""},
		{"unsigned", nil, allow("", key), repo.Unsigned},
		{"ssh of a stranger", sshSigning(t, stranger, "git"), allow("", key), repo.UnknownKey},
		{"ssh for other files", sshSigning(t, key, "file"), allow("", key), repo.Forged},
		{"ssh of a key for other files", sign, append(allow(`namespaces="file" `, key), allow("", stranger)...), repo.UnknownKey},
		{"ssh after its time", sign, allow(`valid-before="20231101" `, key), repo.ExpiredKey},
		{"ssh before its time", sign, allow(`valid-after="202401010000Z" `, key), repo.ExpiredKey},
		{"ssh with a short key", sshSigning(t, short, "git"), allow("", short), repo.Unsupported},
		{"neither", func(string) string { return "-----BEGIN CERTIFICATE-----\nx\n" }, allow("", key), repo.Unsupported},
		{"nonsense as ssh", func(string) string { return "-----BEGIN SSH SIGNATURE-----\neA==\n-----END SSH SIGNATURE-----\n" }, allow("", key), repo.Forged},
	}
}

// gpgVerdicts are held against the keys that come with them. payload is what
// every commit here is signed over.
func gpgVerdicts(t testing.TB, now time.Time, payload string) (keys []byte, cases []verdictCase) {
	good, config := gpgEntity(t, now.Add(-time.Hour), 0)
	unknown, _ := gpgEntity(t, now.Add(-time.Hour), 0)
	expired, was := gpgEntity(t, now.Add(-2*time.Hour), 3600)
	revoked, _ := gpgEntity(t, now.Add(-time.Hour), 0)
	before := gpgSigning(t, revoked, config)(payload) // a revoked key signs nothing more
	if err := revoked.RevokeKey(packet.KeyCompromised, "lost", config); err != nil {
		t.Fatal(err)
	}
	return public(t, good, expired, revoked), []verdictCase{
		{"gpg", gpgSigning(t, good, config), nil, ""},
		{"gpg of a stranger", gpgSigning(t, unknown, config), nil, repo.UnknownKey},
		{"gpg expired", gpgSigning(t, expired, was), nil, repo.ExpiredKey},
		{"gpg revoked", func(string) string { return before }, nil, repo.RevokedKey},
		{"gpg over SHA-1", sha1Signing(t, good, config), nil, repo.Unsupported},
		{"nonsense as gpg", func(string) string {
			return "-----BEGIN PGP SIGNATURE-----\n\neA==\n-----END PGP SIGNATURE-----\n"
		}, nil, repo.Unsupported},
	}
}

// The table of verdicts: who may deploy.
func TestS25Verdicts(t *testing.T) {
	now := time.Unix(1700000000, 0)
	r := newRaw(t)
	tree := r.put("tree", line("100644", "a.yaml", r.put("blob", "fine")))
	head := "tree " + tree + "\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n"
	keys, cases := gpgVerdicts(t, now, head+"\nMessage\n")
	cases = append(cases, sshVerdicts(t)...)
	for _, c := range cases {
		raw := head + "\nMessage\n"
		if c.sign != nil {
			raw = signed(c.sign, head, "\nMessage\n")
		}
		v := repo.Verify{Mode: "HEAD", AllowedSigners: c.signers, GPGKeys: keys, Now: func() time.Time { return now }}
		_, rev, err := open(t, r.dir, repo.Options{Ref: r.put("commit", raw), Verify: v}).Tree(context.Background())
		var bad *repo.SignatureError
		switch {
		case c.verdict == "" && (err != nil || !strings.Contains(rev.Signer, "ada@example.com")):
			t.Errorf("%s: got %v, signer %q", c.name, err, rev.Signer)
		case c.verdict != "" && (!errors.As(err, &bad) || bad.Verdict != c.verdict || bad.Hash == ""):
			t.Errorf("%s: got %v, want %s", c.name, err, c.verdict)
		}
	}
	t.Logf("S25: %d verdicts", len(cases))
}

// Only HEAD's own signature counts: a signed tag does not vouch for an unsigned
// commit, and what a signed merge brings in needs none.
func TestS25HeadOnly(t *testing.T) {
	_, key := sshKey(t)
	verify := repo.Verify{Mode: "HEAD", AllowedSigners: allow("", key)}
	sign := sshSigning(t, key, "git")
	r := newRaw(t)
	tree := r.put("tree", line("100644", "a.yaml", r.put("blob", "fine")))
	plain := r.head(tree)
	tag := "object " + plain + "\ntype commit\ntag v1\ntagger A <a@example.com> 1700000000 +0000\n\nVersion\n"
	writeFile(t, r.dir+"/refs/tags/v1", r.put("tag", tag+sign(tag))+"\n")
	var bad *repo.SignatureError
	if _, _, err := open(t, r.dir, repo.Options{Ref: "v1", Verify: verify}).Tree(context.Background()); !errors.As(err, &bad) || bad.Verdict != repo.Unsigned {
		t.Errorf("got %v", err)
	}
	merge := "tree " + tree + "\nparent " + plain + "\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n"
	hash := r.put("commit", signed(sign, merge, "\nMerge\n"))
	if _, rev, err := open(t, r.dir, repo.Options{Ref: hash, Verify: verify}).Tree(context.Background()); err != nil || rev.Signer == "" {
		t.Errorf("got %+v, %v", rev, err)
	}
}

// What nobody signed is not read from a folder either.
func TestS25Folder(t *testing.T) {
	_, key := sshKey(t)
	verify := repo.Verify{Mode: "HEAD", AllowedSigners: allow("", key)}
	outside := t.TempDir()
	g := newGit(t)
	g.commit("First", "a.yaml", "a: 1\n")
	for _, dir := range []string{outside, g.dir} {
		var bad *repo.SignatureError
		if _, _, err := open(t, dir, repo.Options{Verify: verify}).Tree(context.Background()); !errors.As(err, &bad) || bad.Verdict != repo.Unsigned {
			t.Errorf("got %v", err)
		}
	}
	g.write("b.yaml", "b: 1\n")
	if _, _, err := open(t, g.dir, repo.Options{Verify: verify}).Tree(context.Background()); err == nil || !strings.Contains(err.Error(), "uncommitted") {
		t.Errorf("got %v", err)
	}
}

// What the keys' lists say must be understood, or nothing is opened.
func TestS25Settings(t *testing.T) {
	_, key := sshKey(t)
	public := string(ssh.MarshalAuthorizedKey(key.PublicKey()))
	for _, v := range []repo.Verify{
		{Mode: "Tag", AllowedSigners: allow("", key)},
		{Mode: "head", AllowedSigners: allow("", key)},
		{Mode: "HEAD"},
		{Mode: "HEAD", AllowedSigners: []byte("# nobody\n")},
		{Mode: "HEAD", AllowedSigners: []byte("ada@example.com cert-authority " + public)},
		{Mode: "HEAD", AllowedSigners: []byte("ada@example.com\n")},
		{Mode: "HEAD", AllowedSigners: []byte(public)},
		{Mode: "HEAD", AllowedSigners: []byte(`"ada b" ` + public)},
		{Mode: "HEAD", AllowedSigners: []byte("ada@example.com valid-before=tomorrow " + public)},
		{Mode: "HEAD", AllowedSigners: []byte("ada@example.com no-touch-required " + public)},
		{Mode: "HEAD", AllowedSigners: []byte(`ada@example.com namespaces="!git" ` + public)},
		{Mode: "HEAD", GPGKeys: []byte("nonsense")},
		{Mode: "HEAD", GPGKeys: []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\neA==\n-----END PGP PUBLIC KEY BLOCK-----\n")},
		{Mode: "HEAD", GPGKeys: []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\neA==\n-----END PGP PRIVATE KEY BLOCK-----\n")},
	} {
		if _, err := repo.Open(context.Background(), t.TempDir(), repo.Options{Verify: v}); err == nil {
			t.Errorf("%s %s%s was accepted", v.Mode, v.AllowedSigners, v.GPGKeys)
		}
	}
}
