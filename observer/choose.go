package observer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"visus/stimulus/raster"
)

// Sample is what Choose looks at: labelled images at the model's size (a few hundred at most), and every category of the data set.
type Sample struct {
	Images     []*raster.Image
	Categories []string // of Images; "" without a label
	All        []string // distinct categories of the whole set
	Order      *Classes // what whole numbers among the categories mean; nil where nobody said
}

// Tried is one combination that Choose tried.
type Tried struct {
	Preprocessing string  `json:"preprocessing" yaml:"preprocessing"`
	Labels        string  `json:"labels" yaml:"labels"` // how categories were read: "names", "model's order", "cifar10's order"
	Correct       int     `json:"correct" yaml:"correct"`
	Images        int     `json:"images" yaml:"images"`
	CrossEntropy  float64 `json:"cross_entropy" yaml:"cross_entropy"` // nats, mean over the images
}

// Accuracy returns the share of right answers.
func (t Tried) Accuracy() float64 { return float64(t.Correct) / float64(t.Images) }

func (t Tried) String() string {
	return fmt.Sprintf("%s, labels by %s: %.1f %%", t.Preprocessing, t.Labels, 100*t.Accuracy())
}

// Choice is what Choose decided and why.
type Choice struct {
	Truth    Truth
	Labels   string
	Tried    []Tried // best first
	Warnings []string
}

// reading is one way to read the categories of the data.
type reading struct {
	name  string
	truth Truth
}

// Choose settles what Open left open: what the scores are, class names, how categories are read, and the preprocessing, by the accuracy of the usual ones on the
// sample. Among those that are not worse than the best by more than the sample's noise (two standard errors) it takes the most usual, and
// warns. Without labels it takes the most usual of all and says so.
func Choose(ctx context.Context, m *Model, s Sample) (Choice, error) {
	var choice Choice
	if len(s.Images) == 0 {
		return choice, fmt.Errorf("observer: %s: no image to look at", m.Path)
	}
	if m.Scores == "" { // the first batch tells, the same in every run on these data
		if _, err := m.Answer(ctx, s.Images[:min(len(s.Images), m.batch)]); err != nil {
			return choice, err
		}
	}
	if m.Classes == nil {
		classes, err := m.guessClasses(ctx, s)
		if err != nil {
			return choice, err
		}
		m.Classes = classes
	}
	readings, err := readCategories(m.Classes, s)
	if err != nil {
		if m.Classes.Origin == numbers {
			err = fmt.Errorf("%w: name the model's outputs with --classes or in its sidecar", err)
		}
		return choice, fmt.Errorf("%s: %w", m.Path, err)
	}
	images, categories := labelled(s)
	if len(images) == 0 {
		return m.chooseBlind(readings[0]), nil
	}
	if len(m.candidates) == 1 && len(readings) == 1 {
		return Choice{Truth: readings[0].truth, Labels: readings[0].name}, nil
	}
	var tried []attempt
	for i, p := range m.candidates {
		m.Preprocessing = p
		answers, err := m.Answer(ctx, images)
		if err != nil {
			return choice, err
		}
		for k, r := range readings {
			tried = append(tried, attempt{score(answers, categories, r, p.Name), i, k})
		}
	}
	slices.SortStableFunc(tried, func(a, b attempt) int {
		return cmp.Or(b.Correct-a.Correct, cmp.Compare(a.CrossEntropy, b.CrossEntropy))
	})
	for _, t := range tried {
		choice.Tried = append(choice.Tried, t.Tried)
	}
	close := rivals(tried)
	taken := slices.MinFunc(close, func(a, b attempt) int { return a.candidate - b.candidate })
	m.Preprocessing = m.candidates[taken.candidate]
	choice.Truth, choice.Labels = readings[taken.reading].truth, readings[taken.reading].name
	choice.Warnings = doubts(tried[0], close, taken, m.Classes.Len())
	return choice, nil
}

// attempt is one combination with its places among candidates and readings.
type attempt struct {
	Tried
	candidate, reading int
}

// rivals returns the attempts, best first, that two standard errors do not tell from the best.
func rivals(tried []attempt) []attempt {
	best := tried[0].Accuracy()
	noise := 2 * math.Sqrt(max(best*(1-best), 1/float64(tried[0].Images))/float64(tried[0].Images))
	n := 1
	for n < len(tried) && best-tried[n].Accuracy() <= noise {
		n++
	}
	return tried[:n]
}

func (m *Model) chooseBlind(r reading) Choice {
	choice := Choice{Truth: r.truth, Labels: r.name}
	if len(m.candidates) > 1 {
		choice.Warnings = []string{fmt.Sprintf("without labels the preprocessing cannot be checked: %q is assumed; name another with --preprocessing", m.Preprocessing.Name)}
	}
	return choice
}

func labelled(s Sample) (images []*raster.Image, categories []string) {
	for i, c := range s.Categories {
		if c != "" {
			images, categories = append(images, s.Images[i]), append(categories, c)
		}
	}
	return images, categories
}

func score(answers []Answer, categories []string, r reading, preprocessing string) Tried {
	t := Tried{Preprocessing: preprocessing, Labels: r.name, Images: len(answers)}
	for i, a := range answers {
		truth := r.truth[categories[i]]
		if a.Top(1)[0] == truth {
			t.Correct++
		}
		t.CrossEntropy -= math.Log(max(float64(a.Probabilities[truth]), 1e-12)) / float64(len(answers))
	}
	return t
}

// doubts says in plain words when the best of several is near chance, or others are as good as the one taken.
func doubts(best attempt, close []attempt, taken attempt, classes int) []string {
	chance := 1 / float64(classes)
	noise := 2 * math.Sqrt(max(chance*(1-chance), best.Accuracy()*(1-best.Accuracy()))/float64(best.Images))
	if best.Accuracy() < 2*chance || best.Accuracy()-noise < chance {
		return []string{fmt.Sprintf("no preprocessing works well: the best (%s) is near chance (%.1f %%); the model may want something else, or the labels may not be its classes; %s is taken",
			best, 100*chance, taken.Preprocessing)}
	}
	if len(close) == 1 {
		return nil
	}
	words := make([]string, len(close))
	for i, t := range close {
		words[i] = fmt.Sprintf("%s %.1f %%", t.Preprocessing, 100*t.Accuracy())
	}
	return []string{fmt.Sprintf("%d images do not tell %s apart; the most usual is taken, %s; settle it with --preprocessing",
		best.Images, strings.Join(words, ", "), taken.Preprocessing)}
}

// readCategories returns the ways in which the categories can mean the model's classes.
func readCategories(classes *Classes, s Sample) ([]reading, error) {
	numbered := len(s.All) > 0
	for _, c := range s.All {
		if _, ok := classes.Output(c); ok || c == "" {
			numbered = false
			continue
		}
		if _, err := strconv.Atoi(c); err != nil {
			numbered = false
		}
	}
	if !numbered {
		truth, err := MatchLabels(s.All, classes, s.Order)
		return []reading{{"names", truth}}, err
	}
	if s.Order != nil {
		truth, err := MatchLabels(s.All, classes, s.Order)
		return []reading{{s.Order.Origin + "'s order", truth}}, err
	}
	truth, err := MatchLabels(s.All, classes, nil)
	if err != nil {
		return nil, err
	}
	readings := []reading{{"model's order", truth}}
	for _, known := range []*Classes{CIFAR10(), ImageNet()} {
		if !classes.same(known) || slices.Equal(classes.names, known.names) {
			continue
		}
		if truth, err := MatchLabels(s.All, classes, known); err == nil {
			readings = append(readings, reading{known.Origin + "'s order", truth})
		}
	}
	return readings, nil
}

// numbers is the origin of class names where nothing names the classes.
const numbers = "numbers"

// guessClasses runs one image to count the outputs, and names them: by the data's own categories in sorted order where their number is the
// same (the order of torchvision's ImageFolder), as CIFAR-10 for 32×32 and as digits for 28×28 pixels, else by their numbers.
func (m *Model) guessClasses(ctx context.Context, s Sample) (*Classes, error) {
	answers, err := m.Answer(ctx, s.Images[:1])
	if err != nil {
		return nil, err
	}
	outputs := len(answers[0].Probabilities)
	if c, err := fitClasses(nil, outputs); err == nil && c != nil {
		return c, nil
	}
	for _, known := range []*Classes{CIFAR10(), Digits()} {
		if c, err := fitClasses(known, outputs); err == nil && describes(known, s) {
			return c, nil
		}
	}
	if names := slices.Sorted(slices.Values(s.All)); len(names) == outputs && !allNumbers(names) {
		return NewClasses("the data's categories, sorted", names), nil
	}
	names := make([]string, outputs)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return NewClasses(numbers, names), nil
}

// describes says whether the data look like the known set: its image size, and categories that are its names or numbers.
func describes(known *Classes, s Sample) bool {
	side := map[string]int{"cifar10": 32, "digits": 28}[known.Origin]
	if s.Images[0].Width != side || s.Images[0].Height != side {
		return false
	}
	_, err := MatchLabels(s.All, known, known)
	return err == nil
}

func allNumbers(names []string) bool {
	for _, n := range names {
		if _, err := strconv.Atoi(n); err != nil {
			return false
		}
	}
	return true
}
