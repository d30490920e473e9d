package engine

import (
	"fmt"
	"strings"
)

// Error is what an engine says about a model: where, and what is wrong.
type Error struct {
	Engine   string // the package that reports: "ort"
	Model    string // the model's file, or the graph's name where it came from none
	Node     string // the node at fault; empty where the engine names none
	Operator string // its operator; may be empty
	Err      error  // the cause
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Engine + ": " + e.Model + ": ")
	switch {
	case e.Node != "" && e.Operator != "":
		fmt.Fprintf(&b, "node %q (%s): ", e.Node, e.Operator)
	case e.Node != "":
		fmt.Fprintf(&b, "node %q: ", e.Node)
	case e.Operator != "":
		b.WriteString("operator " + e.Operator + ": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Unsupported says that an engine lacks what a graph needs, which another engine may have. It is the cause within an *Error.
type Unsupported struct {
	About    string // the node, input or output
	Operator string // of the node
	Reason   string
}

func (u *Unsupported) Error() string { return u.About + ": " + u.Reason }
