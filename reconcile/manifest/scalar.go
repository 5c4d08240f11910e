package manifest

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// plainKind tells what a scalar without quotes is, by YAML 1.2's core schema.
// unclear is set for numbers that other readers take differently.
func plainKind(text string) (kind reconcile.NodeKind, unclear bool) {
	if text == "" {
		return reconcile.NullNode, false
	}
	switch c := text[0]; {
	case c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
		return numberKind(text)
	case c == '~' || c == 'n' || c == 'N':
		if text == "~" || isWord(text, "null", "Null", "NULL") {
			return reconcile.NullNode, false
		}
	case c == 't' || c == 'T' || c == 'f' || c == 'F':
		if isWord(text, "true", "True", "TRUE") || isWord(text, "false", "False", "FALSE") {
			return reconcile.BoolNode, false
		}
	}
	return reconcile.StringNode, false
}

func isWord(text, lower, title, upper string) bool {
	return text == lower || text == title || text == upper
}

func numberKind(text string) (kind reconcile.NodeKind, unclear bool) {
	digits := strings.TrimLeft(text[:1], "+-") + text[1:]
	switch {
	case all(digits, isDigit):
		return reconcile.IntNode, len(digits) > 1 && digits[0] == '0'
	case isBased(digits):
		unclear = digits != text || digits[1] == 'b'
		return reconcile.IntNode, unclear
	case isFloat(digits), isWord(digits, ".inf", ".Inf", ".INF"), isWord(text, ".nan", ".NaN", ".NAN"):
		return reconcile.FloatNode, false
	case strings.Contains(digits, "_") && digits[0] != '_' && isNumber(strings.ReplaceAll(digits, "_", "")):
		return reconcile.IntNode, true
	}
	return reconcile.StringNode, false
}

func isNumber(digits string) bool {
	return all(digits, isDigit) || isBased(digits) || isFloat(digits)
}

// isBased tells whether digits have the form 0x1F, 0o17 or 0b1.
func isBased(digits string) bool {
	if len(digits) < 3 || digits[0] != '0' {
		return false
	}
	switch digits[1] {
	case 'x':
		return all(digits[2:], isHex)
	case 'o':
		return all(digits[2:], func(c byte) bool { return c >= '0' && c <= '7' })
	case 'b':
		return all(digits[2:], func(c byte) bool { return c == '0' || c == '1' })
	}
	return false
}

// isFloat tells whether digits have the form 1.5, 1., .5 or any of them with an exponent.
func isFloat(digits string) bool {
	mantissa, exponent := digits, ""
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		mantissa, exponent = digits[:i], digits[i+1:]
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if !all(exponent, isDigit) {
			return false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	return all(whole, isDigit) && (fraction == "" || all(fraction, isDigit)) || whole == "" && all(fraction, isDigit)
}

// clearer says how an unclear number can be written.
func clearer(text string) string {
	sign := text[:len(text)-len(strings.TrimLeft(text, "+-"))]
	digits := strings.ReplaceAll(text[len(sign):], "_", "")
	if !all(digits, isDigit) {
		return fmt.Sprintf("write %q if it is text", text)
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		digits = "0"
	}
	return fmt.Sprintf("write %s%s or %q", sign, digits, text)
}

// all tells whether there are characters, and every one is of the sort.
func all(text string, sort func(byte) bool) bool {
	for i := range len(text) {
		if !sort(text[i]) {
			return false
		}
	}
	return text != ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
