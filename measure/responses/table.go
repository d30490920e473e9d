// Package responses lays out who answered what to the same stimuli, as flat arrays in one order, which is what measures compute on.
package responses

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"visus/measure/agreement"
	"visus/measure/confusion"
)

// None is the code of no answer. It is no category's code, so it is a wrong answer everywhere, and measures that set unanswered stimuli apart
// know it by that.
const None = 255

// Table holds the answers of several observers to the same stimuli. Categories are codes, their positions in Categories; stimuli are in the
// order of their conditions, and of their names within one.
type Table struct {
	Categories []string
	Conditions []string  // in the order in which they first came
	Observers  []string  // likewise
	Stimuli    []string  // [stimulus]: names
	Truth      []uint8   // [stimulus]: codes of categories
	Condition  []int     // [stimulus]: positions in Conditions
	Responses  [][]uint8 // [observer, stimulus]: codes of categories, or None
}

// Where returns the positions of a condition's stimuli, in order.
func (t *Table) Where(condition int) []int {
	var positions []int
	for i, c := range t.Condition {
		if c == condition {
			positions = append(positions, i)
		}
	}
	return positions
}

// Select returns the table with only the stimuli at these positions, in that order; it shares nothing with t but the names.
func (t *Table) Select(positions []int) *Table {
	s := &Table{Categories: t.Categories, Conditions: t.Conditions, Observers: t.Observers}
	s.Stimuli, s.Truth, s.Condition = pick(t.Stimuli, positions), pick(t.Truth, positions), pick(t.Condition, positions)
	for _, r := range t.Responses {
		s.Responses = append(s.Responses, pick(r, positions))
	}
	return s
}

func pick[T any](values []T, positions []int) []T {
	out := make([]T, len(positions))
	for i, p := range positions {
		out[i] = values[p]
	}
	return out
}

// Answers returns which stimuli each observer named rightly.
func (t *Table) Answers() []agreement.Answers {
	answers := make([]agreement.Answers, len(t.Responses))
	for i, r := range t.Responses {
		answers[i], _ = agreement.FromResponses(t.Truth, r) // the lengths are equal
	}
	return answers
}

// Confusion returns the confusion matrix of some observers together. It reports an error where the table is damaged.
func (t *Table) Confusion(observers ...int) (*confusion.Matrix, error) {
	m, err := confusion.New(t.Categories)
	if err != nil {
		return nil, err
	}
	for _, o := range observers {
		if err := m.AddCodes(t.Truth, t.Responses[o]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Collector makes a Table of trials that come in any order. Its memory is one byte for each observer and stimulus, besides the names.
type Collector struct {
	categories map[string]uint8
	names      []string
	observers  numbers
	stimuli    numbers
	conditions numbers
	truth      []uint8   // [stimulus]
	condition  []int     // [stimulus]
	responses  [][]uint8 // [observer, stimulus]; short where the observer saw no later stimulus
}

// missing marks a stimulus that the observer has not seen.
const missing = None - 1

// NewCollector returns an empty Collector. It reports an error where a category is named twice or "", or there are more than 254.
func NewCollector(categories []string) (*Collector, error) {
	if len(categories) > missing {
		return nil, fmt.Errorf("responses: %d categories are more than %d", len(categories), missing)
	}
	if _, err := confusion.New(categories); err != nil {
		return nil, fmt.Errorf("responses: %w", err)
	}
	c := &Collector{categories: make(map[string]uint8, len(categories)), names: slices.Clone(categories)}
	for i, name := range categories {
		c.categories[name] = uint8(i)
	}
	return c, nil
}

// Add takes one trial. The stimulus is named by what is the same for all observers, such as the image's name without the trial's number; the
// response "" stands for no answer. It reports an error for a category or response that is no category, a stimulus whose category or
// condition differs from an earlier trial's, and a second answer to it by the same observer.
func (c *Collector) Add(observer, stimulus, category, condition, response string) error {
	truth, known := c.categories[category]
	if !known {
		return fmt.Errorf("responses: %s: category %q of stimulus %q is not among %s", observer, category, stimulus, list(c.names))
	}
	code, known := c.categories[response]
	if !known && response != "" {
		return fmt.Errorf("responses: %s: response %q to stimulus %q is not among %s", observer, response, stimulus, list(c.names))
	}
	if !known {
		code = None
	}
	level := c.conditions.of(condition)
	s := c.stimuli.of(stimulus)
	if s == len(c.truth) {
		c.truth, c.condition = append(c.truth, truth), append(c.condition, level)
	}
	if c.truth[s] != truth || c.condition[s] != level {
		return fmt.Errorf("responses: %s: stimulus %q is %q in condition %q, but an earlier trial has %q in condition %q",
			observer, stimulus, category, condition, c.names[c.truth[s]], c.conditions.names[c.condition[s]])
	}
	return c.answer(observer, s, code)
}

func (c *Collector) answer(observer string, stimulus int, code uint8) error {
	o := c.observers.of(observer)
	if o == len(c.responses) {
		c.responses = append(c.responses, nil)
	}
	for len(c.responses[o]) <= stimulus {
		c.responses[o] = append(c.responses[o], missing)
	}
	if c.responses[o][stimulus] != missing {
		return fmt.Errorf("responses: %s answered stimulus %q twice", observer, c.stimuli.names[stimulus])
	}
	c.responses[o][stimulus] = code
	return nil
}

// Table returns the answers. It reports an error where observers saw different stimuli, naming some that are missing.
func (c *Collector) Table() (*Table, error) {
	for o, r := range c.responses {
		if absent := c.absent(r); len(absent) > 0 {
			slices.Sort(absent)
			return nil, fmt.Errorf("responses: observers must see the same stimuli, but %s lacks %d of %d: %s",
				c.observers.names[o], len(absent), len(c.truth), list(absent))
		}
	}
	return c.table(c.seenByAll()), nil
}

// Common returns the answers to the stimuli that all observers saw, and how many others there were. It reports an error where there is none.
func (c *Collector) Common() (table *Table, others int, err error) {
	common := c.seenByAll()
	if len(common) == 0 {
		return nil, 0, fmt.Errorf("responses: of %d stimuli none was seen by all of %s", len(c.truth), list(c.observers.names))
	}
	return c.table(common), len(c.truth) - len(common), nil
}

func (c *Collector) seen(responses []uint8, stimulus int) bool {
	return stimulus < len(responses) && responses[stimulus] != missing
}

func (c *Collector) absent(responses []uint8) []string {
	var names []string
	for s, name := range c.stimuli.names {
		if !c.seen(responses, s) {
			names = append(names, name)
		}
	}
	return names
}

// seenByAll returns the numbers of the stimuli in the table's order.
func (c *Collector) seenByAll() []int {
	var common []int
	for s := range c.truth {
		if !slices.ContainsFunc(c.responses, func(r []uint8) bool { return !c.seen(r, s) }) {
			common = append(common, s)
		}
	}
	slices.SortFunc(common, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.condition[a], c.condition[b]), strings.Compare(c.stimuli.names[a], c.stimuli.names[b]))
	})
	return common
}

func (c *Collector) table(stimuli []int) *Table {
	all := &Table{
		Categories: slices.Clone(c.names),
		Conditions: slices.Clone(c.conditions.names),
		Observers:  slices.Clone(c.observers.names),
		Stimuli:    c.stimuli.names,
		Truth:      c.truth,
		Condition:  c.condition,
		Responses:  c.responses,
	}
	return all.Select(stimuli)
}

// numbers counts names from 0 in the order in which they come.
type numbers struct {
	names []string
	index map[string]int
}

func (n *numbers) of(name string) int {
	if i, known := n.index[name]; known {
		return i
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	n.index[name] = len(n.names)
	n.names = append(n.names, name)
	return len(n.names) - 1
}

// list names the first few.
func list(names []string) string {
	const some = 5
	if len(names) <= some {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:some], ", "), len(names)-some)
}
