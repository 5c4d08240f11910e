package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // of the page's parts
	"encoding/base64"
	"html/template"
	"io"
	"regexp"
	"sync"
)

//go:embed html/page.html
var pageSource string

//go:embed html/style.css
var pageStyle string

//go:embed html/script.js
var pageScript string

// HTML writes a document as one file that needs nothing else: no network, and no
// JavaScript to be read in full. The script in it only filters, sorts and folds.
// A policy in the file forbids whatever is not of ours.
func HTML(w io.Writer, d Document) error {
	page, err := htmlPage()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	err = page.Execute(&out, struct {
		view
		Policy string
		Style  template.CSS
		Script template.JS
	}{viewOf(d), htmlPolicy(), template.CSS(pageStyle), template.JS(pageScript)})
	if err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

// indents are left out of the file: a long report has many of them.
var indents = regexp.MustCompile(`\n\s*`)

var htmlPage = sync.OnceValues(func() (*template.Template, error) {
	return template.New("page").Parse(indents.ReplaceAllString(pageSource, ""))
})

// htmlPolicy lets the page's own style and script count, and nothing else.
func htmlPolicy() string {
	return "default-src 'none'; style-src " + digestSource(pageStyle) + "; script-src " + digestSource(pageScript) + "; base-uri 'none'; form-action 'none'"
}

// digestSource is how a policy names an inline style or script.
func digestSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
