package reconcile_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// secretName are names of what nobody may find out by how long a comparison takes.
var secretName = regexp.MustCompile(`(?i)(secret|token|password|passphrase|bearer|hmac|signature|apikey)`)

// notSecret are names that contain such a word and are none.
var notSecret = regexp.MustCompile(`(s|ID|Name|Type|Kind|Form|Ref|File|Path|Pos|Prefix|At|Role|Len|Count|Field|Shape)$`)

// S18: secrets are compared in constant time, by hash or by crypto/subtle, and
// never by == or !=. Whether there is one at all may be asked.
func TestS18NoComparisonOfSecrets(t *testing.T) {
	compared := 0
	for _, s := range sources(t) {
		if s.test() || s.within("providers/simulator") { // whose keys are made up, and shown to everybody
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			b, ok := n.(*ast.BinaryExpr)
			if !ok || b.Op != token.EQL && b.Op != token.NEQ {
				return true
			}
			compared++
			if plain(b.X) || plain(b.Y) {
				return true
			}
			for _, side := range []ast.Expr{b.X, b.Y} {
				if name := named(side); secretName.MatchString(name) && !notSecret.MatchString(name) {
					t.Errorf("%s:%d: %s is compared with %s: use crypto/subtle, or hashes", s.file, s.set.Position(b.Pos()).Line, name, b.Op)
				}
			}
			return true
		})
	}
	if compared < 100 {
		t.Errorf("only %d comparisons were looked at", compared)
	}
}

// plain tells whether an expression is a literal, nil, a length or a constant's name.
func plain(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.CallExpr:
		return strings.HasPrefix(named(e.Fun), "len")
	}
	return false
}

// named is the last name in an expression, such as Secret in k.Secret.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.CallExpr:
		return named(e.Fun)
	case *ast.IndexExpr:
		return named(e.X)
	case *ast.StarExpr:
		return named(e.X)
	case *ast.ParenExpr:
		return named(e.X)
	}
	return ""
}
