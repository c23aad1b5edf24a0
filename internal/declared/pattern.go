package declared

import (
	"regexp/syntax"
	"strings"
)

// repeats is how often something stands that may stand any number of times.
const repeats = 12

// patternText is a text that an RE2 expression matches, another one for each try. It need not be one
// that the expression matches whole: anchors in the middle are not looked at.
func patternText(pattern string, try int) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	w := writer{try: try}
	w.write(re)
	return w.text.String()
}

// groupMark stands in a text of [groupText] for what the group matches.
const groupMark = "\x00"

// groupText is a text that an expression matches somewhere, with the mark in place of its group.
func groupText(pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	w := writer{try: 1, mark: groupMark} // what may be there is there
	w.write(re)
	return w.text.String()
}

// writer writes a text for an expression.
type writer struct {
	text strings.Builder
	try  int
	n    int
	mark string // in place of groups, unless it is empty
}

// next is a number that looks like chance, and is the same each time.
func (w *writer) next(limit int) int {
	w.n++
	return (w.n*7 + w.try*5) % limit
}

func (w *writer) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		w.text.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		w.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		w.text.WriteByte("abcdefgh"[w.next(8)])
	case syntax.OpCapture:
		if w.mark != "" {
			w.text.WriteString(w.mark)
			return
		}
		w.write(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			w.write(sub)
		}
	case syntax.OpAlternate:
		w.write(re.Sub[w.try%len(re.Sub)])
	case syntax.OpStar, syntax.OpPlus:
		w.times(re.Sub[0], repeats)
	case syntax.OpQuest:
		w.times(re.Sub[0], w.try%2)
	case syntax.OpRepeat:
		n := re.Min
		if re.Max < 0 || re.Max > n {
			n = max(n, min(repeats, re.Max))
		}
		if re.Max < 0 {
			n = max(re.Min, repeats)
		}
		w.times(re.Sub[0], n)
	}
}

func (w *writer) times(re *syntax.Regexp, n int) {
	for range n {
		w.write(re)
	}
}

// class writes one of a class of characters: a lower-case letter or a digit if there is one.
func (w *writer) class(ranges []rune) {
	var good, all []rune
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= min(ranges[i+1], 0x7e); r++ {
			if r < 0x21 {
				continue
			}
			all = append(all, r)
			if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
				good = append(good, r)
			}
		}
	}
	switch {
	case len(good) > 0:
		w.text.WriteRune(good[w.next(len(good))])
	case len(all) > 0:
		w.text.WriteRune(all[w.next(len(all))])
	case len(ranges) > 0:
		w.text.WriteRune(ranges[0])
	}
}
