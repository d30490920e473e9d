package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
)

// Answers lets the reader look up what every observer said to an image, in one data set after the other: of all images, or of those that people
// name rightly and models do not, and the like.
type Answers struct {
	Title   string
	Caption string
	Sets    []AnswerSet
}

// AnswerSet is a data set whose images all of its observers saw.
type AnswerSet struct {
	Name       string
	Categories []string
	Conditions []string
	Observers  []string // people first
	People     int      // how many of the observers are people
	Images     []AnsweredImage
}

// AnsweredImage is one image.
type AnsweredImage struct {
	Name      string
	Category  int     // index into Categories
	Condition int     // index into Conditions
	Responses []uint8 // of each observer: index into Categories; 255 for none
	Image     []byte  // a PNG or JPEG file; nil where the page has only its name
}

// answerSet is the JSON of a data set; an image is its name, category, condition, responses in letters, and its data URI or nothing.
type answerSet struct {
	Categories []string `json:"categories"`
	Conditions []string `json:"conditions"`
	Observers  []string `json:"observers"`
	People     int      `json:"people"`
	Images     [][]any  `json:"images"`
}

// letter writes a response as one character that JSON and HTML leave as it is.
func letter(response uint8) (byte, error) {
	switch {
	case response == 255:
		return '.', nil
	case response < 26:
		return 'a' + response, nil
	case response < 52:
		return 'A' + response - 26, nil
	}
	return 0, fmt.Errorf("category %d; answers are shown for up to 52 categories", response)
}

func (a Answers) html(*renderer) (template.HTML, error) {
	sets := []answerSet{}
	for _, s := range a.Sets {
		set, err := s.data()
		if err != nil {
			return "", fmt.Errorf("answers %q, data set %q: %w", a.Title, s.Name, err)
		}
		sets = append(sets, set)
	}
	var block bytes.Buffer
	if err := json.NewEncoder(&block).Encode(sets); err != nil { // escapes <, > and &
		return "", fmt.Errorf("answers %q: %w", a.Title, err)
	}
	return execute("answers", map[string]any{"Answers": a, "Data": template.JS(block.String())})
}

func (s AnswerSet) data() (answerSet, error) {
	set := answerSet{s.Categories, s.Conditions, s.Observers, s.People, make([][]any, 0, len(s.Images))}
	for _, image := range s.Images {
		if image.Category < 0 || image.Category >= len(s.Categories) || image.Condition < 0 || image.Condition >= len(s.Conditions) ||
			len(image.Responses) != len(s.Observers) {
			return set, fmt.Errorf("image %q: category %d of %d, condition %d of %d, %d responses, expected %d", image.Name,
				image.Category, len(s.Categories), image.Condition, len(s.Conditions), len(image.Responses), len(s.Observers))
		}
		said := make([]byte, len(image.Responses))
		for i, r := range image.Responses {
			var err error
			if said[i], err = letter(r); err != nil {
				return set, fmt.Errorf("image %q: %w", image.Name, err)
			}
		}
		row := []any{image.Name, image.Category, image.Condition, string(said)}
		if image.Image != nil {
			uri, err := dataURI(image.Image)
			if err != nil {
				return set, fmt.Errorf("image %q: %w", image.Name, err)
			}
			row = append(row, uri)
		}
		set.Images = append(set.Images, row)
	}
	return set, nil
}

func (a Answers) files() []File { return nil }
