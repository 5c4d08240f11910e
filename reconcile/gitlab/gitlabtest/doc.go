// Package gitlabtest is a GitLab on loopback, as far as package gitlab uses one.
//
// It keeps projects with members, branches, commits, pipelines, merge requests,
// notes, issues, environments and deployments, and answers as GitLab's REST API
// (v4) does: tokens with scopes, roles, pages of 20 and at most 100, 404 for what
// one may not see, the transitions of commit statuses, limits of texts.
//
// It is stricter than GitLab in one thing: a parameter that the documentation
// does not know is refused, and noted as a flaw. It notes quick actions and
// mentions in texts too, of which a program's notes should have none. Faults make
// it fail on request.
//
// What it does not do, it answers with 404 and a flaw: it never pretends.
package gitlabtest
