package ort

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"visus/engine"
)

// sayings are the ways in which ONNX Runtime names the node at fault; what a pattern calls message replaces the whole.
var sayings = []*regexp.Regexp{
	regexp.MustCompile(`(?s)^Non-zero status code returned while running (?P<operator>\S+) node\. Name:'(?P<node>.*?)' Status Message: (?P<message>.*)$`),
	regexp.MustCompile(`(?s)^This is an invalid model\. In Node, \("(?P<node>.*?)", (?P<operator>[^,]*), .*?\) -> \(.*?\) , Error (?P<message>.*)$`),
	regexp.MustCompile(`(?s)Node \((?P<node>.*?)\) Op \((?P<operator>[^)]*)\) (?P<message>.*)$`),
	regexp.MustCompile(`Could not find an implementation for (?P<operator>\S+?)\(\d+\) node with name '(?P<node>.*?)'`),
	regexp.MustCompile(`of node \((?P<node>.*?)\)`),
	regexp.MustCompile(`(?P<operator>\S+)\(-?\d+\) is not a registered function/op`),
}

// place is where in ONNX Runtime's own source an error arose, file, line and function, which helps nobody.
var place = regexp.MustCompile(`^\S+\.(?:cc|cpp|h):\d+ (?:[\w:<>,&*~ ]*::[\w~]+\([^()]*\)(?: const)? |\S+ (?:\[.*?\] )?)`)

// explain makes an *engine.Error of a message of ONNX Runtime: it finds the node.
func explain(model string, err error) error {
	e := &engine.Error{Engine: "ort", Model: model, Err: err}
	text := err.Error()
	for _, saying := range sayings {
		m := saying.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		named := func(group string) string {
			if i := saying.SubexpIndex(group); i >= 0 {
				return m[i]
			}
			return ""
		}
		e.Node, e.Operator = strings.TrimSpace(named("node")), strings.TrimSpace(named("operator"))
		text = cmp.Or(named("message"), text)
		break
	}
	if text = strings.TrimSpace(place.ReplaceAllString(text, "")); text != err.Error() {
		e.Err = errors.New(text)
	}
	return e
}
