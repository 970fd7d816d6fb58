package handlers_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// match tells whether an element is one that is looked for.
type match func(*html.Node) bool

func tag(name string) match {
	return func(n *html.Node) bool { return n.Data == name }
}

func id(value string) match { return with("id", value) }

func with(name, value string) match {
	return func(n *html.Node) bool { return has(name)(n) && attr(n, name) == value }
}

func leading(name, prefix string) match {
	return func(n *html.Node) bool { return strings.HasPrefix(attr(n, name), prefix) }
}

func has(name string) match {
	return func(n *html.Node) bool {
		for _, a := range n.Attr {
			if a.Key == name {
				return true
			}
		}
		return false
	}
}

// saying finds an element whose text begins with these words.
func saying(words string) match {
	return func(n *html.Node) bool { return strings.HasPrefix(text(n), words) }
}

// all returns the elements below n that match everything, in the order of the page.
func all(n *html.Node, want ...match) (found []*html.Node) {
	for e := range n.Descendants() {
		if e.Type == html.ElementNode && matches(e, want) {
			found = append(found, e)
		}
	}
	return found
}

func matches(n *html.Node, want []match) bool {
	for _, m := range want {
		if !m(n) {
			return false
		}
	}
	return true
}

// one returns the only element below n that matches everything.
func one(t *testing.T, n *html.Node, want ...match) *html.Node {
	t.Helper()
	found := all(n, want...)
	if len(found) != 1 {
		var page strings.Builder
		_ = html.Render(&page, n)
		t.Fatalf("%d elements match, not 1: %s", len(found), page.String())
	}
	return found[0]
}

// attr returns the value of an attribute, empty when there is none.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text returns the text of n with white space as a browser shows it.
func text(n *html.Node) string {
	var all strings.Builder
	for e := range n.Descendants() {
		if e.Type == html.TextNode {
			all.WriteString(e.Data)
		}
	}
	return strings.Join(strings.Fields(all.String()), " ")
}

// texts returns the text of each.
func texts(nodes []*html.Node) []string {
	words := make([]string, 0, len(nodes))
	for _, n := range nodes {
		words = append(words, text(n))
	}
	return words
}

// cells returns the text of each cell of a table's body, by row.
func cells(t *testing.T, page *html.Node) (rows [][]string) {
	t.Helper()
	for _, row := range all(one(t, page, tag("tbody")), tag("tr")) {
		rows = append(rows, texts(all(row, tag("td"))))
	}
	return rows
}

// values returns what stands in the fields of a page.
func values(page *html.Node) (typed string) {
	for _, input := range all(page, tag("input")) {
		typed += attr(input, "value") + "\n"
	}
	return typed
}
