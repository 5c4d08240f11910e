package main

import (
	"os"

	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// secretFiles are the files that an operator's file keeps secrets in.
func secretFiles(c *daemon.Config) []string {
	files := []string{c.Store.Postgres.File, c.Checkpoints.Key.File, c.TLS.Key, c.NetBox.Token.File}
	for _, credential := range c.Credentials {
		files = append(files, credential.SecretKey.File)
	}
	for _, git := range c.Git {
		files = append(files, git.Token.File, git.SSHKey.File)
	}
	for _, lab := range c.GitLab {
		files = append(files, lab.Token.File)
	}
	for _, hook := range c.Webhooks {
		files = append(files, hook.Secret.File)
	}
	for _, to := range c.Notify {
		files = append(files, to.URL.File, to.Secret.File)
	}
	for _, anchor := range c.Checkpoints.Anchors {
		files = append(files, anchor.URL.File)
	}
	return files
}

// exposed are those of the files that everybody on this machine may read or write.
func exposed(files []string) (out []string) {
	for _, file := range files {
		if info, err := os.Stat(file); file != "" && err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o006 != 0 {
			out = append(out, file)
		}
	}
	return out
}

// warnExposed tells of secrets that others here may read. It is no error: in a
// container, where secrets are often mounted so, there are no others.
func (s *serving) warnExposed(config *daemon.Config) {
	for _, file := range exposed(secretFiles(config)) {
		s.log.Warn("everybody on this machine may read a secret; chmod 600 it", "file", file)
	}
}
