package gitlabtest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Roles, as GitLab numbers them.
const (
	guest     = 10
	reporter  = 20
	developer = 30
)

// world is all that there is.
type world struct {
	users    map[int64]*User
	tokens   map[string]token
	projects []*Project
}

type token struct {
	user   int64
	scopes []string
}

func newWorld() world { return world{users: map[int64]*User{}, tokens: map[string]token{}} }

// find finds a project by its ID or path.
func (w *world) find(id string) *Project {
	for _, p := range w.projects {
		if strconv.FormatInt(p.ID, 10) == id || p.Path == id {
			return p
		}
	}
	return nil
}

// A User is somebody who has a name.
type User struct {
	ID       int64
	Username string
	State    string // "active" or "blocked"
	Bot      bool
	Email    string // public address
}

func (u *User) view() map[string]any {
	return map[string]any{"id": u.ID, "username": u.Username, "name": u.Username, "state": u.State, "web_url": "http://gitlab.example.com/" + u.Username}
}

// A Project is a repository and what goes with it.
type Project struct {
	ID            int64
	Path          string // "acme/shop"
	DefaultBranch string

	members     map[int64]int
	branches    map[string]string // heads by name
	commits     map[string]*Commit
	pipelines   []*Pipeline
	statuses    []*Status
	merges      []*MergeRequest
	issues      []*Issue
	deployments []*Deployment
}

// A Commit is one of a project.
type Commit struct {
	SHA     string
	Message string
	Parent  string // "" of the first
	Stuck   bool   // it cannot be reverted without conflicts
}

// A Pipeline is one that ran for a commit.
type Pipeline struct {
	ID       int64
	SHA, Ref string
}

// A Status is a commit status.
type Status struct {
	ID          int64
	SHA, Ref    string
	Pipeline    int64
	Name        string
	State       string
	Description string
	URL         string
	By          int64
	States      []string // that it had, in turn
}

// A Note is a comment.
type Note struct {
	ID     int64
	By     int64
	Body   string
	System bool
	At     time.Time
	Edited time.Time // zero: never
	Edits  int
}

// A MergeRequest is one of a project.
type MergeRequest struct {
	IID          int64
	Source, Into string
	State        string // "opened", "merged", "closed"
	Title, Body  string
	By           int64
	Notes        []*Note
	From         int64  // project of the branch; 0: this one
	Head         string // of a branch elsewhere; "": the branch is here
	Landed       string // the commit that merged it
}

// An Issue is one of a project.
type Issue struct {
	IID         int64
	By          int64
	State       string // "opened" or "closed"
	Title, Body string
	Labels      []string
	Notes       []*Note
	History     []string // "opened", "closed", "reopened", in turn
	Edits       int
}

// A Deployment is a commit in an environment.
type Deployment struct {
	ID          int64
	Environment string
	SHA, Ref    string
	State       string
	By          int64
	Job         int64    // GitLab's own has one
	States      []string // that it had, in turn
}

// AddUser makes a user. By its token it is let in with some scopes: "api",
// "read_api", "read_repository".
func (s *Server) AddUser(name, secret string, scopes ...string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id()
	s.world.users[id] = &User{ID: id, Username: name, State: "active"}
	if secret != "" {
		s.world.tokens[secret] = token{id, scopes}
	}
	return id
}

// AddProject makes a project with one commit on its default branch, and returns
// that commit.
func (s *Server) AddProject(id int64, path, branch string) string {
	s.mu.Lock()
	s.world.projects = append(s.world.projects, &Project{
		ID: id, Path: path, DefaultBranch: branch, members: map[int64]int{}, branches: map[string]string{}, commits: map[string]*Commit{},
	})
	s.mu.Unlock()
	return s.AddCommit(id, branch, "", "Begin")
}

// project is one that was added.
func (s *Server) project(id int64) *Project {
	p := s.world.find(strconv.FormatInt(id, 10))
	if p == nil {
		panic(fmt.Sprintf("gitlabtest: there is no project %d", id))
	}
	return p
}

// AddMember gives a user a role in a project, by GitLab's number of it.
func (s *Server) AddMember(project, user int64, role int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.project(project).members[user] = role
}

// Block makes a user one that may do nothing any more.
func (s *Server) Block(user int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.users[user].State = "blocked"
}

// AddCommit puts a commit on a branch, which is made if it is not there: from
// the default branch's head. An empty hash is made up.
func (s *Server) AddCommit(project int64, branch, sha, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.project(project)
	parent, there := p.branches[branch]
	if !there {
		parent = p.branches[p.DefaultBranch]
	}
	return p.commit(branch, sha, parent, text)
}

func (p *Project) commit(branch, sha, parent, text string) string {
	if sha == "" {
		sum := sha1.Sum([]byte(p.Path + branch + parent + text + strconv.Itoa(len(p.commits))))
		sha = hex.EncodeToString(sum[:])
	}
	p.commits[sha] = &Commit{SHA: sha, Message: text, Parent: parent}
	p.branches[branch] = sha
	return sha
}

// Stick makes a commit one that GitLab cannot revert.
func (s *Server) Stick(project int64, sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.project(project).commits[sha].Stuck = true
}

// AddPipeline makes a pipeline of a commit.
func (s *Server) AddPipeline(project int64, sha, ref string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.project(project).pipeline(s.id(), sha, ref).ID
}

func (p *Project) pipeline(id int64, sha, ref string) *Pipeline {
	made := &Pipeline{ID: id, SHA: sha, Ref: ref}
	p.pipelines = append(p.pipelines, made)
	return made
}

// AddMergeRequest makes a merge request into the default branch.
func (s *Server) AddMergeRequest(project, iid int64, source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.project(project)
	p.merges = append(p.merges, &MergeRequest{IID: iid, Source: source, Into: p.DefaultBranch, State: "opened"})
}

// EndMergeRequest makes a merge request "merged" or "closed".
func (s *Server) EndMergeRequest(project, iid int64, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.project(project).merge(iid).State = state
}

// LandMergeRequest merges a merge request by a commit that is on its branch.
func (s *Server) LandMergeRequest(project, iid int64, commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.project(project).merge(iid)
	m.State, m.Landed = "merged", commit
}

// Fork makes the branch of a merge request one of another project.
func (s *Server) Fork(project, iid, from int64, head string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.project(project).merge(iid)
	m.From, m.Head = from, head
}

// MakeBot makes a user one that is no person.
func (s *Server) MakeBot(user int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.users[user].Bot = true
}

// EditNote has somebody change what a note says, some time after it was written.
func (s *Server) EditNote(project, merge, note int64, body string, later time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.project(project).merge(merge).Notes {
		if n.ID == note {
			n.Body, n.Edited = body, n.At.Add(later)
		}
	}
}

// AddNote has a user write a note on a merge request.
func (s *Server) AddNote(project, merge, by int64, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.project(project).merge(merge)
	note := &Note{ID: s.id(), By: by, Body: body, At: s.now()}
	m.Notes = append(m.Notes, note)
	return note.ID
}

// AddIssue has a user open an issue.
func (s *Server) AddIssue(project, by int64, body string, labels ...string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.project(project).issue(by, "An issue", body, labels).IID
}

func (p *Project) issue(by int64, title, body string, labels []string) *Issue {
	made := &Issue{IID: int64(len(p.issues) + 1), By: by, State: "opened", Title: title, Body: body, Labels: labels, History: []string{"opened"}}
	p.issues = append(p.issues, made)
	return made
}

// AddJobDeployment is a deployment that GitLab began for a job of its own.
func (s *Server) AddJobDeployment(project int64, environment, sha, ref string, job int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.project(project)
	p.deployments = append(p.deployments, &Deployment{ID: s.id(), Environment: environment, SHA: sha, Ref: ref, State: "running", Job: job, States: []string{"running"}})
}

func (p *Project) merge(iid int64) *MergeRequest {
	i := slices.IndexFunc(p.merges, func(m *MergeRequest) bool { return m.IID == iid })
	if i < 0 {
		return nil
	}
	return p.merges[i]
}

// Look shows a project as it is. What it shows may be looked at only.
func (s *Server) Look(project int64, at func(View)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.project(project)
	at(View{Statuses: p.statuses, MergeRequests: p.merges, Issues: p.issues, Deployments: p.deployments, Branches: p.branches, Commits: p.commits, Pipelines: p.pipelines})
}

// A View is what a project holds, each sort in the order in which it came.
type View struct {
	Statuses      []*Status
	MergeRequests []*MergeRequest
	Issues        []*Issue
	Deployments   []*Deployment
	Branches      map[string]string // heads by name
	Commits       map[string]*Commit
	Pipelines     []*Pipeline
}
