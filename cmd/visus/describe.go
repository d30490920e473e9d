package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"visus/graph"
)

type describeCommand struct {
	Model string `arg:"" help:"An ONNX model." type:"path"`
}

// Help adds an example to --help.
func (describeCommand) Help() string {
	return `Example:

  visus describe resnet20.onnx`
}

// Run prints what the model takes, gives and is made of. It needs no engine.
func (c *describeCommand) Run(t terminal) error {
	if err := modelFile(c.Model); err != nil {
		return usageError{err}
	}
	g, err := graph.Load(c.Model)
	if err != nil {
		return err
	}
	d, err := g.Describe()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Model)
	fact := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	if d.Producer != "" {
		fact("made by", "%s", strings.TrimSpace(d.Producer+" "+d.ProducerVersion))
	}
	fact("opsets", "%s", opsets(d.Opsets))
	for _, v := range d.Inputs {
		fact("takes", "%s", describeValue(v))
	}
	for _, v := range d.Outputs {
		fact("gives", "%s", describeValue(v))
	}
	fact("parameters", "%s (%s)", grouped(int64(d.Parameters)), size(d.Bytes))
	fact("multiply-adds", "%s an image", millions(d.MultiplyAdds))
	if len(d.Uncounted) > 0 {
		fact("", "not counting %d nodes whose shapes depend on the input", len(d.Uncounted))
	}
	fact("normalisers", "%s", normalisers(d))
	words := make([]string, len(d.Operators))
	for i, o := range d.Operators {
		words[i] = fmt.Sprintf("%d %s", o.Count, o.Operator)
	}
	fact("operators", "%d: %s", d.Nodes, strings.Join(words, ", "))
	for _, key := range slices.Sorted(maps.Keys(g.Metadata)) {
		fact("metadata", "%s: %s", key, shorten(g.Metadata[key], 100))
	}
	_, err = fmt.Fprint(t.Out, b.String())
	return err
}

func opsets(all map[string]int64) string {
	var words []string
	for domain, version := range all {
		if domain == "" {
			domain = "ONNX"
		}
		words = append(words, fmt.Sprintf("%s %d", domain, version))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func describeValue(v graph.Value) string {
	return fmt.Sprintf("%s: %s %s", v.Name, v.Type, graph.ShapeText(v.Shape))
}

// normalisers counts the normalisation layers by operator.
func normalisers(d graph.Description) string {
	if len(d.Normalisers) == 0 {
		return "none (batch norm may be folded into the convolutions)"
	}
	count := map[string]int{}
	for _, n := range d.Normalisers {
		count[n.Node.Op]++
	}
	var words []string
	for op, n := range count {
		words = append(words, fmt.Sprintf("%d %s", n, op))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// grouped writes 269722 as 269,722.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func size(bytes int) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
}

func millions(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.2f billion", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f million", float64(n)/1e6)
}

func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
