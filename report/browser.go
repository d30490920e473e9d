package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
)

// Browser lets the reader look at the stimuli: the reference condition beside another one, with every observer's answers, filtered
// by right and wrong, condition, level and class. Each image is stored once in the page, however often it is shown.
type Browser struct {
	Title      string
	Caption    string
	GroupName  string // what groups of conditions are: "corruption"
	LevelName  string // what their levels are: "severity"
	Observers  []string
	Conditions []Condition // the first is the reference ("clean")
	Items      []Item
}

// Condition is one way in which stimuli were shown.
type Condition struct {
	Name  string // as displayed
	Group string
	Level int
}

// Item is one stimulus in its conditions.
type Item struct {
	Stimulus string
	Category string // ground truth; "": unknown, and no answer is called right or wrong
	Views    []View // one of them in condition 0
}

// View is a stimulus in one condition.
type View struct {
	Condition int      // index into Conditions
	Image     []byte   // a PNG or JPEG file
	Answers   []Answer // one an observer, in their order
}

// Answer is what an observer said.
type Answer struct {
	Response   string // "": none
	Confidence float64
	Correct    bool
}

// browserData is the JSON block that browser.js reads; short names because there is one a view.
type browserData struct {
	Observers  []string       `json:"observers"`
	Conditions []conditionRow `json:"conditions"`
	Images     []string       `json:"images"` // data URIs
	Items      []itemRow      `json:"items"`
}

type conditionRow struct {
	Name  string `json:"name"`
	Group string `json:"group"`
	Level int    `json:"level"`
}

type itemRow struct {
	ID       string    `json:"id"`
	Category string    `json:"category"`
	Views    []viewRow `json:"views"`
}

type viewRow struct {
	Condition int     `json:"c"`
	Image     int     `json:"i"`
	Answers   [][]any `json:"a"` // response, confidence or null, 1 right, 0 wrong, -1 unknown
}

func (b Browser) html(r *renderer) (template.HTML, error) {
	data, err := b.data()
	if err != nil {
		return "", fmt.Errorf("browser %q: %w", b.Title, err)
	}
	var block bytes.Buffer
	if err := json.NewEncoder(&block).Encode(data); err != nil { // escapes <, > and &
		return "", fmt.Errorf("browser %q: %w", b.Title, err)
	}
	r.browsers++
	var groups, categories []string
	var levels []int
	labelled := false
	for _, c := range b.Conditions[1:] {
		groups = appendNew(groups, c.Group)
		levels = appendNew(levels, c.Level)
	}
	for _, it := range b.Items {
		if it.Category != "" {
			categories = appendNew(categories, it.Category)
			labelled = true
		}
	}
	slices.Sort(levels)
	slices.Sort(categories)
	return execute("browser", map[string]any{
		"Browser": b, "Number": r.browsers, "Data": template.JS(block.String()), "Labelled": labelled,
		"Groups": groups, "Levels": levels, "Categories": categories, "Views": b.pairs(),
	})
}

// pairs counts what the browser can show side by side.
func (b Browser) pairs() int {
	n := 0
	for _, it := range b.Items {
		n += len(it.Views) - 1
	}
	return n
}

func (b Browser) files() []File { return nil }

func (b Browser) data() (browserData, error) {
	out := browserData{Observers: append([]string{}, b.Observers...)} // none is a list too
	if len(b.Conditions) == 0 {
		return out, fmt.Errorf("no conditions, expected at least the reference")
	}
	for _, c := range b.Conditions {
		out.Conditions = append(out.Conditions, conditionRow(c))
	}
	stored := map[string]int{}
	for _, it := range b.Items {
		row := itemRow{ID: it.Stimulus, Category: it.Category}
		reference := false
		for _, v := range it.Views {
			if v.Condition < 0 || v.Condition >= len(b.Conditions) || len(v.Answers) != len(b.Observers) {
				return out, fmt.Errorf("stimulus %q: condition %d of %d with %d answers, expected %d",
					it.Stimulus, v.Condition, len(b.Conditions), len(v.Answers), len(b.Observers))
			}
			reference = reference || v.Condition == 0
			at, ok := stored[string(v.Image)]
			if !ok {
				uri, err := dataURI(v.Image)
				if err != nil {
					return out, fmt.Errorf("stimulus %q, %s: %w", it.Stimulus, b.Conditions[v.Condition].Name, err)
				}
				at = len(out.Images)
				stored[string(v.Image)] = at
				out.Images = append(out.Images, uri)
			}
			row.Views = append(row.Views, viewRow{v.Condition, at, answers(v.Answers, it.Category != "")})
		}
		if !reference {
			return out, fmt.Errorf("stimulus %q is not shown in the reference condition %q", it.Stimulus, b.Conditions[0].Name)
		}
		out.Items = append(out.Items, row)
	}
	return out, nil
}

func answers(given []Answer, labelled bool) [][]any {
	rows := make([][]any, len(given))
	for i, a := range given {
		var confidence any
		if !math.IsNaN(a.Confidence) && !math.IsInf(a.Confidence, 0) {
			confidence = math.Round(a.Confidence*1e4) / 1e4
		}
		verdict := -1
		if labelled {
			verdict = 0
			if a.Correct {
				verdict = 1
			}
		}
		rows[i] = []any{a.Response, confidence, verdict}
	}
	return rows
}

// dataURI embeds an image file.
func dataURI(file []byte) (string, error) {
	switch {
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file), nil
	case bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}):
		return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(file), nil
	}
	return "", fmt.Errorf("%d bytes that are neither PNG nor JPEG", len(file))
}

func appendNew[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
