package report

import "html/template"

// Note is a remark or a warning in a frame.
type Note struct {
	Tone  Tone
	Title string
	Text  []string
	Items []string // a list below the text
}

func (n Note) html(*renderer) (template.HTML, error) { return execute("note", n) }

func (n Note) files() []File { return nil }

// Details are facts of method: names and values, and the command that repeats the work.
type Details struct {
	Title   string
	Facts   []Fact
	Command string // shown with a button that copies it
}

// Fact is a name and its value.
type Fact struct{ Name, Value string }

func (d Details) html(*renderer) (template.HTML, error) { return execute("details", d) }

func (d Details) files() []File { return nil }
