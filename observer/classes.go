package observer

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Classes are the names of a model's outputs, in their order, with the other words that mean the same class.
type Classes struct {
	Origin     string // where the names come from: "imagenet", "metadata", a file
	Background bool   // output 0 is a background class in front of the named ones
	names      []string
	index      map[string]int // output by normalised name, synonym or WordNet id
}

// NewClasses returns classes of the given names, one an output.
func NewClasses(origin string, names []string) *Classes {
	c := &Classes{Origin: origin, names: slices.Clone(names), index: make(map[string]int, len(names))}
	for i, name := range names {
		c.also(name, i)
	}
	return c
}

func (c *Classes) also(word string, output int) {
	key := normalise(word)
	if _, taken := c.index[key]; !taken && key != "" {
		c.index[key] = output
	}
}

// normalise makes names comparable: "Great_white shark" and "great white shark" are one class.
func normalise(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r == ' ' || r == '_' || r == '-'
	}), " ")
}

// Len returns the number of outputs, the background included.
func (c *Classes) Len() int { return len(c.names) }

// Name returns the name of an output.
func (c *Classes) Name(output int) string { return c.names[output] }

// Names returns all names in output order.
func (c *Classes) Names() []string { return slices.Clone(c.names) }

// Output finds a class by name, synonym or WordNet id, without regard to case, spaces, underscores and hyphens.
func (c *Classes) Output(word string) (int, bool) {
	i, ok := c.index[normalise(word)]
	return i, ok
}

// withBackground returns the classes shifted by a background class at output 0.
func (c *Classes) withBackground() *Classes {
	shifted := NewClasses(c.Origin, append([]string{"background"}, c.names...))
	shifted.Background = true
	for word, i := range c.index {
		shifted.also(word, i+1)
	}
	return shifted
}

// same says whether both name the same set of classes, whatever the order.
func (c *Classes) same(other *Classes) bool {
	if c.Len() != other.Len() {
		return false
	}
	for _, name := range c.names {
		if _, ok := other.Output(name); !ok {
			return false
		}
	}
	return true
}

//go:embed imagenet_classes.tsv
var imagenetTable string

// ImageNet returns the 1,000 classes of ILSVRC 2012 in the order of their WordNet ids, known by WNID and by every synonym.
var ImageNet = sync.OnceValue(func() *Classes {
	lines := strings.Split(strings.TrimSpace(imagenetTable), "\n")[1:] // index, wnid, names
	names := make([]string, len(lines))
	rows := make([][]string, len(lines))
	count := map[string]int{}
	for i, line := range lines {
		rows[i] = strings.Split(line, "\t")
		names[i], _, _ = strings.Cut(rows[i][2], ",")
		count[names[i]]++
	}
	for i := range names { // "crane" and "maillot" are two classes each
		if count[names[i]] > 1 {
			names[i] += " (" + rows[i][1] + ")"
		}
	}
	c := NewClasses("imagenet", names)
	for i, row := range rows {
		c.also(row[1], i)
		for _, synonym := range strings.Split(row[2], ",") {
			if word := strings.TrimSpace(synonym); count[word] < 2 {
				c.also(word, i)
			}
		}
	}
	return c
})

// CIFAR10 returns the ten classes of CIFAR-10 in their published order (Krizhevsky 2009).
var CIFAR10 = sync.OnceValue(func() *Classes {
	return NewClasses("cifar10", []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"})
})

// Digits returns the ten classes of MNIST, "0" to "9".
var Digits = sync.OnceValue(func() *Classes {
	return NewClasses("digits", []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
})

func builtIn(name string) (*Classes, bool) {
	switch name {
	case "imagenet":
		return ImageNet(), true
	case "cifar10":
		return CIFAR10(), true
	case "digits":
		return Digits(), true
	}
	return nil, false
}

// ClassesPath makes a path to a file of class names independent of the working directory; the name of a built-in list stays as it is.
func ClassesPath(nameOrPath string) (string, error) {
	if _, ok := builtIn(nameOrPath); ok || nameOrPath == "" {
		return nameOrPath, nil
	}
	return filepath.Abs(nameOrPath)
}

// OpenClasses returns a built-in list by its name (imagenet, cifar10, digits) or reads a file: one name a line, or what ParseClasses reads.
func OpenClasses(nameOrPath string) (*Classes, error) {
	if list, ok := builtIn(nameOrPath); ok {
		return list, nil
	}
	data, err := os.ReadFile(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("observer: classes %q: neither imagenet, cifar10, digits nor a file that can be read: %w", nameOrPath, err)
	}
	names, err := ParseClasses(string(data))
	if err != nil {
		return nil, fmt.Errorf("observer: classes %s: %w", nameOrPath, err)
	}
	return NewClasses(nameOrPath, names), nil
}

var pythonEntry = regexp.MustCompile(`(\d+)\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`)

// ParseClasses reads class names as model files and label files write them: a Python or JSON dict from index to name,
// a JSON list, one name a line, or names separated by commas.
func ParseClasses(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, fmt.Errorf("no class names: the text is empty")
	case strings.HasPrefix(text, "["):
		var names []string
		if err := json.Unmarshal([]byte(text), &names); err != nil {
			if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "'", `"`)), &names); err != nil {
				return nil, fmt.Errorf("no class names: not a JSON list of strings: %w", err)
			}
		}
		return names, nil
	case strings.HasPrefix(text, "{"):
		return parseDict(text)
	}
	separator := "\n"
	if !strings.Contains(text, "\n") {
		separator = ","
	}
	var names []string
	for _, name := range strings.Split(text, separator) {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// parseDict reads {0: 'cat', 1: "dog"} and {"0": "cat"}. Every index from 0 on must occur once.
func parseDict(text string) ([]string, error) {
	byIndex := map[int]string{}
	var object map[string]string
	if json.Unmarshal([]byte(text), &object) == nil {
		for key, name := range object {
			i, err := strconv.Atoi(key)
			if err != nil {
				return nil, fmt.Errorf("no class names: key %q is not an index", key)
			}
			byIndex[i] = name
		}
	} else {
		for _, m := range pythonEntry.FindAllStringSubmatch(text, -1) {
			i, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, fmt.Errorf("no class names: key %q is not an index", m[1])
			}
			byIndex[i] = strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(m[2] + m[3])
		}
	}
	names := make([]string, len(byIndex))
	for i := range names {
		name, ok := byIndex[i]
		if !ok {
			return nil, fmt.Errorf("no class names: index %d of 0..%d is missing", i, len(names)-1)
		}
		names[i] = name
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no class names in %.60q", text)
	}
	return names, nil
}
