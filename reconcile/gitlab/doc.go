// Package gitlab tells GitLab what came of a plan, a drift or an apply, where the
// people of a project look: in the merge request, in its pipeline, in its
// environments and issues. It also prepares the merge request that undoes commits.
//
// Everything is told by saying what shall be there, as with resources: a note is
// found by its marker and made or updated, so telling twice tells once. What
// others wrote is never touched: notes and issues count as ours only if the
// token's user wrote them and their marker is there.
//
// The client goes to the one address that it was made for. It reads again what
// was lost, sends again what GitLab had not begun to look at, and takes no more
// time than its patience allows. No error holds the token.
//
// Folder gitlabtest is a GitLab to test with.
package gitlab
