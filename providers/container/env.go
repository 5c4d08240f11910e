package container

import (
	"gitlab.com/reconciled/reconciled/reconcile"
)

// env reads variables. Secrets come as argon2id hashes, against which wanted
// values can be verified.
func (a api) env(variables, hashes map[string]string) Env {
	env := Env{Variables: variables}
	if len(hashes) > 0 {
		env.Secrets = make(map[string]reconcile.Secret, len(hashes))
	}
	for name, hash := range hashes {
		env.Secrets[name] = a.client.HashedSecret(hash)
	}
	return env
}

// reveal gives the values, for the request that they are meant for.
func reveal(secrets map[string]reconcile.Secret) map[string]string {
	out := make(map[string]string, len(secrets))
	for name, secret := range secrets {
		out[name] = secret.Reveal()
	}
	return out
}

// secretsPatch is the map that takes the place of the old one: new values for
// what differs, "" for what stays. What is not in it is deleted.
func secretsPatch[S interface {
	secrets() map[string]reconcile.Secret
}](want reconcile.Desired[S]) *map[string]string {
	out := map[string]string{}
	for name, secret := range want.Spec.secrets() {
		out[name] = ""
		if want.Has("env.secrets." + name) {
			out[name] = secret.Reveal()
		}
	}
	return &out
}

func (n Namespace) secrets() map[string]reconcile.Secret { return n.Env.Secrets }
func (c Container) secrets() map[string]reconcile.Secret { return c.Env.Secrets }

// learn notes which hashes the answer to a write gave the values, so that none
// needs to be verified at the next look. A hash that was there before may
// still be that of the old value.
func (a api) learn(hashes map[string]string, before, values map[string]reconcile.Secret) {
	for name, hash := range hashes {
		if value, sent := values[name]; sent && before[name].Digest() != hash {
			a.client.Learn(hash, value)
		}
	}
}
