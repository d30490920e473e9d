package decision

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"visus/observer"
)

// NewMapping returns a mapping from categories to a model's outputs; a category without outputs is one that the model cannot answer. origin
// says in errors where it comes from. It reports an error where no category has outputs, an output is negative, or two categories share one.
func NewMapping(origin string, outputs map[string][]int) (*Mapping, error) {
	m := &Mapping{origin: origin, categories: slices.Sorted(maps.Keys(outputs))}
	owner := map[int]string{}
	for _, category := range m.categories {
		if category == "" {
			return nil, fmt.Errorf("decision: %s: a category has no name", origin)
		}
		for _, output := range outputs[category] {
			if output < 0 {
				return nil, fmt.Errorf("decision: %s: %s has output %d; expected 0 or more", origin, category, output)
			}
			if other, taken := owner[output]; taken {
				return nil, fmt.Errorf("decision: %s: output %d belongs to %s and to %s", origin, output, other, category)
			}
			owner[output] = category
		}
		m.outputs = append(m.outputs, slices.Clone(outputs[category]))
	}
	if len(owner) == 0 {
		return nil, fmt.Errorf("decision: %s: no category has outputs", origin)
	}
	return m, nil
}

// ReadMapping reads a mapping from a JSON file {"category": [output, …], …}; see NewMapping.
func ReadMapping(path string) (*Mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	return ParseMapping(path, text)
}

// ParseMapping reads the text of such a file.
func ParseMapping(origin string, text []byte) (*Mapping, error) {
	var outputs map[string][]int
	if err := json.Unmarshal(text, &outputs); err != nil {
		return nil, fmt.Errorf(`decision: %s: expected {"category": [output, ...], ...}: %w`, origin, err)
	}
	return NewMapping(origin, outputs)
}

//go:embed sixteen.tsv
var sixteenTable string

// Sixteen returns the 16 categories with their classes of ImageNet, by position in the order of ILSVRC 2012 (207 of 1,000 classes).
var Sixteen = sync.OnceValue(func() *Mapping {
	outputs := map[string][]int{}
	for _, line := range strings.Split(strings.TrimSpace(sixteenTable), "\n")[1:] {
		category, list, _ := strings.Cut(line, "\t")
		for _, span := range strings.Fields(list) {
			from, to, several := strings.Cut(span, "-")
			if !several {
				to = from
			}
			first, _ := strconv.Atoi(from)
			last, _ := strconv.Atoi(to)
			for output := first; output <= last; output++ {
				outputs[category] = append(outputs[category], output)
			}
		}
	}
	m, err := NewMapping("ImageNet's classes in 16 categories", outputs)
	if err != nil {
		panic(err) // the table is part of the program, and tested
	}
	return m
})

// synonyms are other names of the 16 categories in common label sets, such as CIFAR-10's.
var synonyms = map[string][]string{
	"airplane": {"aeroplane", "plane"},
	"bicycle":  {"bike"},
	"boat":     {"ship"},
	"car":      {"automobile"},
	"oven":     {"stove"},
}

// For returns how a model's classes answer the 16 categories: by the classes of ImageNet that belong to each where the model has all of
// them, in whatever order; else by classes named like the category or a synonym (ship is a boat, automobile a car). It reports an error where
// no category has a class, or nobody knows what the classes are.
func For(classes *observer.Classes) (*Mapping, error) {
	if classes == nil {
		return nil, fmt.Errorf("decision: nothing says what the model's outputs mean; name its classes, or give a mapping from categories to outputs")
	}
	if m, ok := byImageNet(classes); ok {
		return m, nil
	}
	outputs := map[string][]int{}
	for _, category := range Sixteen().categories {
		outputs[category] = nil
		for _, word := range append([]string{category}, synonyms[category]...) {
			output, ok := classes.Output(word)
			if ok && !slices.Contains(outputs[category], output) {
				outputs[category] = append(outputs[category], output)
			}
		}
	}
	m, err := NewMapping("classes named like the categories ("+classes.Origin+")", outputs)
	if err != nil {
		return nil, fmt.Errorf("%w; give a mapping from categories to outputs", err)
	}
	return m, nil
}

func byImageNet(classes *observer.Classes) (*Mapping, bool) {
	sixteen := Sixteen()
	outputs := map[string][]int{}
	for i, category := range sixteen.categories {
		for _, class := range sixteen.outputs[i] {
			output, ok := classes.Output(observer.ImageNet().Name(class))
			if !ok {
				return nil, false
			}
			outputs[category] = append(outputs[category], output)
		}
	}
	m, err := NewMapping(sixteen.origin, outputs)
	return m, err == nil
}
