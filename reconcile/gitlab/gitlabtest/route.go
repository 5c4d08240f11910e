package gitlabtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// route is one endpoint: who may ask, which parameters are documented, and what
// comes of it.
type route struct {
	method, path string
	least        int    // role in the project; 0: none is needed
	takes        string // "name", "name:int", "name:bool"; ! if it must be there
	do           func(*call) (int, any)
}

// paging are the parameters of every list.
const paging = " page:int per_page:int pagination"

func routes() []route {
	const project = "/projects/{id}"
	const merge, issue, commits = project + "/merge_requests", project + "/issues", project + "/repository/commits"
	return []route{
		{"GET", "/user", 0, "", (*call).whoami},
		{"GET", "/users/{user}", 0, "with_custom_attributes:bool", (*call).getUser},
		{"GET", project, guest, "statistics:bool license:bool with_custom_attributes:bool", (*call).getProject},
		{"GET", project + "/members/all/{user}", guest, "", (*call).member},

		{"GET", merge, reporter, "state scope source_branch target_branch author_id:int labels search in order_by sort" + paging, (*call).listMerges},
		{"POST", merge, developer, "source_branch! target_branch! title! description remove_source_branch:bool squash:bool labels assignee_id:int target_project_id:int", (*call).addMerge},
		{"GET", merge + "/{iid}", reporter, "", (*call).getMerge},
		{"GET", merge + "/{iid}/notes", guest, "sort order_by" + paging, (*call).listMergeNotes},
		{"POST", merge + "/{iid}/notes", guest, "body! created_at internal:bool merge_request_diff_head_sha", (*call).addMergeNote},
		{"GET", merge + "/{iid}/notes/{note}", guest, "", (*call).getMergeNote},
		{"PUT", merge + "/{iid}/notes/{note}", guest, "body!", (*call).editMergeNote},
		{"DELETE", merge + "/{iid}/notes/{note}", guest, "", (*call).dropMergeNote},

		{"GET", issue, guest, "state scope labels author_id:int author_username order_by sort search in" + paging, (*call).listIssues},
		{"POST", issue, guest, "title! description labels confidential:bool issue_type", (*call).addIssue},
		{"PUT", issue + "/{iid}", guest, "title description labels add_labels remove_labels state_event confidential:bool", (*call).editIssue},
		{"GET", issue + "/{iid}/notes", guest, "sort order_by" + paging, (*call).listIssueNotes},
		{"POST", issue + "/{iid}/notes", guest, "body! created_at internal:bool", (*call).addIssueNote},

		{"GET", commits, reporter, "ref_name since until path author all:bool with_stats:bool first_parent:bool order trailers:bool" + paging, (*call).listCommits},
		{"GET", commits + "/{sha}", reporter, "stats:bool", (*call).getCommit},
		{"POST", commits + "/{sha}/revert", developer, "branch! dry_run:bool", (*call).revertCommit},
		{"POST", project + "/statuses/{sha}", developer, "state! ref name context target_url description coverage pipeline_id:int", (*call).setStatus},
		{"GET", commits + "/{sha}/statuses", reporter, "ref stage name pipeline_id:int order_by sort all:bool" + paging, (*call).listStatuses},
		{"GET", project + "/repository/branches/{branch}", reporter, "", (*call).getBranch},
		{"POST", project + "/repository/branches", developer, "branch! ref!", (*call).addBranch},
		{"DELETE", project + "/repository/branches/{branch}", developer, "", (*call).dropBranch},

		{"GET", project + "/deployments", reporter, "order_by sort updated_after updated_before finished_after finished_before environment status" + paging, (*call).listDeployments},
		{"GET", project + "/deployments/{deployment}", reporter, "", (*call).getDeployment},
		{"POST", project + "/deployments", developer, "environment! sha! ref! tag:bool! status!", (*call).addDeployment},
		{"PUT", project + "/deployments/{deployment}", developer, "status!", (*call).editDeployment},
	}
}

// enter finds out who asks, for what, with which parameters.
func (c *call) enter(to route) *problem {
	if bad := c.authorize(); bad != nil {
		return bad
	}
	if bad := c.read(to); bad != nil {
		return bad
	}
	id := c.r.PathValue("id")
	if id == "" {
		return nil
	}
	c.project = c.world.find(id)
	if c.project == nil || c.project.members[c.user.ID] == 0 {
		return &problem{http.StatusNotFound, message("404 Project Not Found")}
	}
	if c.project.members[c.user.ID] < to.least {
		return &problem{http.StatusForbidden, message("403 Forbidden")}
	}
	return nil
}

// authorize checks the token, and that its scopes allow the method.
func (c *call) authorize() *problem {
	value := c.r.Header.Get("PRIVATE-TOKEN")
	if value == "" {
		value = strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	}
	token, ok := c.world.tokens[value]
	if value == "" || !ok {
		return &problem{http.StatusUnauthorized, message("401 Unauthorized")}
	}
	reads := c.r.Method == http.MethodGet && slices.Contains(token.scopes, "read_api")
	if !reads && !slices.Contains(token.scopes, "api") {
		return &problem{http.StatusForbidden, map[string]any{
			"error": "insufficient_scope", "scope": "api", "error_description": "The request requires higher privileges than provided by the access token.",
		}}
	}
	c.user = c.world.users[token.user]
	return nil
}

// read reads the parameters and holds them against what is documented.
func (c *call) read(to route) *problem {
	c.params = map[string]any{}
	for name, values := range c.r.URL.Query() {
		c.params[name] = values[len(values)-1]
	}
	if err := c.readBody(); err != nil {
		return &problem{http.StatusBadRequest, map[string]any{"error": err.Error()}}
	}
	known := map[string]string{}
	for _, word := range strings.Fields(to.takes) {
		word, must := strings.CutSuffix(word, "!")
		name, sort, _ := strings.Cut(word, ":")
		known[name] = sort
		if _, given := c.params[name]; must && !given {
			return &problem{http.StatusBadRequest, map[string]any{"error": name + " is missing"}}
		}
	}
	for name, value := range c.params {
		sort, ok := known[name]
		if !ok {
			return c.undocumented(fmt.Sprintf("%s %s takes no %s", to.method, to.path, name))
		}
		if !fits(sort, value) {
			return &problem{http.StatusBadRequest, map[string]any{"error": name + " is invalid"}}
		}
	}
	return nil
}

func (c *call) undocumented(text string) *problem {
	c.flaws = append(c.flaws, text)
	return &problem{http.StatusBadRequest, map[string]any{"error": text}}
}

func (c *call) readBody() error {
	body, err := io.ReadAll(c.r.Body)
	if err != nil || len(body) == 0 {
		return err
	}
	sort, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch sort {
	case "application/json":
		return json.Unmarshal(body, &c.params)
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		for name, values := range form {
			c.params[name] = values[len(values)-1]
		}
		return err
	}
	return fmt.Errorf("the provided content-type %q is not supported", sort)
}

// fits tells whether a parameter is of its sort.
func fits(sort string, value any) bool {
	text, isText := value.(string)
	switch sort {
	case "int":
		n, isNumber := value.(float64)
		_, err := strconv.ParseInt(text, 10, 64)
		return isNumber && n == math.Trunc(n) || isText && err == nil
	case "bool":
		_, isBool := value.(bool)
		return isBool || text == "true" || text == "false"
	}
	_, isNumber := value.(float64) // which GitLab takes for a text too
	return isText || isNumber
}

// text is a parameter as text, "" if it is not there.
func (c *call) text(name string) string {
	switch v := c.params[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (c *call) has(name string) bool {
	_, ok := c.params[name]
	return ok
}

func (c *call) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.text(name)); err == nil {
		return n
	}
	return otherwise
}

// part is a number in the path.
func (c *call) part(name string) int64 {
	n, _ := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	return n
}

func message(text any) map[string]any { return map[string]any{"message": text} }

func missing(what string) (int, any) {
	return 0, problem{http.StatusNotFound, message("404 " + what + " Not Found")}
}

func invalid(text any) (int, any) { return 0, problem{http.StatusBadRequest, message(text)} }
