package secrets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/version"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Set puts a value into an encrypted file and returns the file as it is then. For
// whom it is encrypted stays as it is, and so does the cipher text of all that is
// not changed. A key of several names makes maps. changed is false if the value
// was the same before.
func (c Cabinet) Set(name string, data []byte, key string, value reconcile.Secret) (out []byte, changed bool, err error) {
	defer survive(name, &err)
	s, err := c.load(name, data)
	if err == nil {
		err = c.unlock(s)
	}
	if err != nil {
		return nil, false, err
	}
	if changed, err = s.put(key, value.Reveal()); err != nil || !changed {
		return data, false, err
	}
	out, err = s.seal()
	if err == nil {
		err = s.hides(key)
	}
	return out, true, err
}

// Remove takes a key out of an encrypted file.
func (c Cabinet) Remove(name string, data []byte, key string) (out []byte, err error) {
	defer survive(name, &err)
	s, err := c.load(name, data)
	if err == nil {
		err = c.unlock(s)
	}
	if err != nil {
		return nil, err
	}
	path, err := s.path(key)
	if err == nil {
		err = s.take(key, path)
	}
	if err != nil {
		return nil, err
	}
	return s.seal()
}

// Has tells whether a key stands in an encrypted file. It opens nothing: names
// stand there in clear.
func (c Cabinet) Has(name string, data []byte, key string) (bool, error) {
	s, err := c.load(name, data)
	if err != nil {
		return false, err
	}
	if formats.FormatForPath(name) == formats.Binary {
		return key == "", nil
	}
	_, err = (&document{branches: s.tree.Branches}).at(key)
	return err == nil, nil
}

// Keys are the keys of the values in an encrypted file. It opens nothing.
func (c Cabinet) Keys(name string, data []byte) ([]string, error) {
	s, err := c.load(name, data)
	if err != nil {
		return nil, err
	}
	if formats.FormatForPath(name) == formats.Binary {
		return []string{""}, nil
	}
	var keys []string
	for _, branch := range s.tree.Branches {
		keys = appendKeys(keys, "", branch)
	}
	return keys, nil
}

func appendKeys(keys []string, above string, value any) []string {
	switch v := value.(type) {
	case sops.TreeBranch:
		for _, item := range v {
			if name, ok := item.Key.(string); ok {
				keys = appendKeys(keys, strings.TrimPrefix(above+"."+name, "."), item.Value)
			}
		}
	case []any:
		for i, item := range withoutComments(v) {
			keys = appendKeys(keys, above+"."+strconv.Itoa(i), item)
		}
	default:
		keys = append(keys, above)
	}
	return keys
}

// Recipients say for whom a new file is encrypted: for age keys, else as a
// .sops.yaml has it.
type Recipients struct {
	Age   []string
	Rules string // path of the .sops.yaml, "" if there is none
	File  string // absolute path of the file, for the rules
}

// Begin makes a new encrypted file that holds one value.
func (c Cabinet) Begin(name string, whom Recipients, key string, value reconcile.Secret) (out []byte, err error) {
	quiet()
	defer survive(name, &err)
	rules, err := whom.rules(name)
	if err != nil {
		return nil, err
	}
	s := &sheet{name: name, store: storeOf(name, whom.layout()), cipher: aes.NewCipher(), tree: sops.Tree{Branches: sops.TreeBranches{sops.TreeBranch{}}, Metadata: sops.Metadata{
		KeyGroups: rules.KeyGroups, ShamirThreshold: rules.ShamirThreshold, Version: version.Version, MACOnlyEncrypted: rules.MACOnlyEncrypted,
		UnencryptedSuffix: rules.UnencryptedSuffix, EncryptedSuffix: rules.EncryptedSuffix, UnencryptedRegex: rules.UnencryptedRegex, EncryptedRegex: rules.EncryptedRegex,
		UnencryptedCommentRegex: rules.UnencryptedCommentRegex, EncryptedCommentRegex: rules.EncryptedCommentRegex,
	}}}
	if s.tree.Metadata.UnencryptedSuffix+s.tree.Metadata.EncryptedSuffix+s.tree.Metadata.UnencryptedRegex+s.tree.Metadata.EncryptedRegex+
		s.tree.Metadata.UnencryptedCommentRegex+s.tree.Metadata.EncryptedCommentRegex == "" {
		s.tree.Metadata.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
	}
	if _, err := s.put(key, value.Reveal()); err != nil {
		return nil, err
	}
	asked := &counter{holders: c.Holders}
	var errs []error
	if s.key, errs = s.tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(asked)}); len(errs) > 0 {
		return nil, asked.unsealed(name)
	}
	if out, err = s.seal(); err == nil {
		err = s.hides(key)
	}
	return out, err
}

// hides refuses a key that the file's own rules leave in clear.
func (s *sheet) hides(key string) error {
	if formats.FormatForPath(s.name) == formats.Binary {
		key = "data"
	}
	text, err := (&document{branches: s.tree.Branches}).at(key)
	if err == nil && !strings.HasPrefix(text, "ENC[") {
		return fmt.Errorf("%s leaves %s in clear by its own rules (unencrypted_suffix, encrypted_regex and the like); give the value another name", s.name, key)
	}
	return err
}

// unsealed says whose key a new file could not be encrypted with.
func (c *counter) unsealed(name string) error {
	for _, t := range c.tried {
		switch {
		case errors.Is(t.err, errUnknownHolder):
			return fmt.Errorf("%s cannot be encrypted: %s %w; add %q to RECONCILE_KEY_SERVICES", name, t.holder, t.err, t.sort+"="+t.place)
		case t.err != nil:
			return fmt.Errorf("%s cannot be encrypted for %s: its key was not found, or did not answer", name, t.holder)
		}
	}
	return fmt.Errorf("%s cannot be encrypted: its rules name nobody to encrypt it for", name)
}

func (r Recipients) rules(name string) (*config.Config, error) {
	if len(r.Age) > 0 {
		keys, err := age.MasterKeysFromRecipients(strings.Join(r.Age, ","))
		if err != nil {
			return nil, errors.New("--age wants a recipient such as age1..., the public half of a key")
		}
		group := make(sops.KeyGroup, len(keys))
		for i, key := range keys {
			group[i] = key
		}
		return &config.Config{KeyGroups: []sops.KeyGroup{group}}, nil
	}
	if r.Rules == "" {
		return nil, fmt.Errorf("%s is not there yet, and nothing says for whom it is to be encrypted: name recipients with --age, or write creation_rules into a .sops.yaml", name)
	}
	rules, err := config.LoadCreationRuleForFile(r.Rules, r.File, nil)
	if err != nil || rules == nil {
		return nil, fmt.Errorf("%s has no rule that fits %s, or it is not as SOPS wants it; mend it, or name recipients with --age", r.Rules, name)
	}
	return rules, nil
}

// layout is how files are indented.
func (r Recipients) layout() *config.StoresConfig {
	if r.Rules != "" {
		if c, err := config.LoadStoresConfig(r.Rules); err == nil {
			return c
		}
	}
	return config.NewStoresConfig()
}

// FindRules looks for the .sops.yaml that counts for a file, in its folder and
// those above it; "" if there is none.
func FindRules(file string) string {
	found, err := config.LookupConfigFile(file)
	if err != nil {
		return ""
	}
	return found.Path
}

// put sets a value in the open tree.
func (s *sheet) put(key, value string) (changed bool, err error) {
	if formats.FormatForPath(s.name) == formats.Binary {
		if key != "" {
			return false, errors.New("it is encrypted as a whole and has no keys; leave the key out")
		}
		key = "data"
	}
	path, err := s.path(key)
	if err != nil {
		return false, err
	}
	if len(s.tree.Branches) == 0 {
		s.tree.Branches = sops.TreeBranches{sops.TreeBranch{}}
	}
	if err := settable(s.tree.Branches[0], path, key); err != nil {
		return false, err
	}
	s.tree.Branches[0], changed = s.tree.Branches[0].Set(path, value)
	return changed, nil
}

// path is a key as SOPS wants it, along what is there already.
func (s *sheet) path(key string) ([]any, error) {
	if key == "" {
		return nil, errors.New("which value? name its key")
	}
	format := formats.FormatForPath(s.name)
	if format == formats.Dotenv || format == formats.Binary {
		return []any{key}, nil
	}
	var path []any
	var value any = sops.TreeBranch{}
	if len(s.tree.Branches) > 0 {
		value = s.tree.Branches[0]
	}
	for left := key; left != ""; {
		name, next, _ := step(value, left)
		if name == "" {
			name, _, _ = strings.Cut(left, ".")
		}
		if name == "" {
			return nil, fmt.Errorf("key %s has a name that is empty", key)
		}
		if list, ok := value.([]any); ok {
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i > len(list) || len(withoutComments(list)) != len(list) {
				return nil, fmt.Errorf("key %s: %s is no place in the list; edit it with sops", key, name)
			}
			path = append(path, i)
		} else {
			path = append(path, name)
		}
		if len(name) == len(left) {
			break
		}
		value, left = next, left[len(name)+1:]
		if left == "" {
			return nil, fmt.Errorf("key %s has a name that is empty", key)
		}
	}
	if path[0] == "sops" {
		return nil, errors.New("key sops is where SOPS keeps its own; take another name")
	}
	return path, nil
}

// settable refuses to put a value in the place of several, or values in the place of one.
func settable(value any, path []any, key string) error {
	for i, name := range path {
		var next any
		found := false
		switch v := value.(type) {
		case sops.TreeBranch:
			for _, item := range v {
				if item.Key == name {
					next, found = item.Value, true
				}
			}
		case []any:
			if at := name.(int); at < len(v) {
				next, found = v[at], true
			}
		}
		if !found {
			return nil
		}
		_, single := scalar(next)
		if last := i == len(path)-1; last != single {
			if last {
				return fmt.Errorf("key %s holds several values; name one below it", key)
			}
			return fmt.Errorf("key %s: %v holds a value already, so nothing can stand below it", key, name)
		}
		value = next
	}
	return nil
}

// take removes what is at a path, and maps that are empty then.
func (s *sheet) take(key string, path []any) error {
	for len(path) > 0 {
		branch, err := s.tree.Branches[0].Unset(path)
		if err != nil {
			return missing("key", key, nil)
		}
		s.tree.Branches[0] = branch
		if path = path[:len(path)-1]; len(path) > 0 {
			above, err := s.tree.Branches[0].Truncate(path)
			if left, ok := above.(sops.TreeBranch); err != nil || !ok || len(left) > 0 {
				return nil
			}
		}
	}
	return nil
}

// seal encrypts the tree and writes it down.
func (s *sheet) seal() ([]byte, error) {
	mac, err := s.tree.Encrypt(s.key, s.cipher)
	if err == nil {
		s.tree.Metadata.LastModified = time.Now().UTC()
		s.tree.Metadata.MessageAuthenticationCode, err = s.cipher.Encrypt(mac, s.key, s.tree.Metadata.LastModified.Format(time.RFC3339))
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be encrypted by its own rules; its .sops.yaml may leave this key in clear in a way that contradicts itself", s.name)
	}
	out, err := s.store.EmitEncryptedFile(s.tree)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: it holds what its format cannot, a map in an .env file say", s.name)
	}
	return out, nil
}
