package training

import (
	"fmt"

	"visus/measure/proportion"
	"visus/report/figure"
)

// Findings are findings.json.
type Findings struct {
	Study      string
	Visus      string
	Engine     string
	Config     *Config
	Parameters int // trained numbers
	Images     int // trained on
	Epochs     []Epoch
	Best       int    // the epoch whose parameters the model has
	Ended      string // why training ended before its last epoch; "": it did not
	Validation *Validation
	Lost       []string // images that could not be read, and why
}

// Epoch is what one epoch came to. Losses are mean cross-entropies in nats, accuracies shares in 0..1.
type Epoch struct {
	Epoch              int
	LearningRate       float64 // of its last step
	Loss               float64 // mean over the epoch's steps, while the parameters moved
	Accuracy           float64 // likewise, on images as they were changed
	ValidationLoss     *float64
	ValidationAccuracy *float64
}

// Validation is what the written model, opened as any other is, answers to the validation images.
type Validation struct {
	Images    int
	Accuracy  proportion.Estimate
	Classes   []ClassFindings
	Confusion [][]int // [true class][answer]
}

// ClassFindings are those of one class.
type ClassFindings struct {
	Class    string
	Trained  int // images trained on
	Images   int // validated on
	Accuracy proportion.Estimate
}

// confidence is the level of all intervals.
const confidence = .95

// validation counts the answers of a model: its answer of each image, and the classes they have.
func newValidation(classes []string, trained []int, labels []int32, answers []int) (*Validation, error) {
	v := &Validation{Images: len(labels), Confusion: make([][]int, len(classes))}
	for i := range v.Confusion {
		v.Confusion[i] = make([]int, len(classes))
	}
	right := 0
	for i, class := range labels {
		v.Confusion[class][answers[i]]++
		if answers[i] == int(class) {
			right++
		}
	}
	var err error
	if v.Accuracy, err = proportion.Wilson(right, len(labels), confidence); err != nil {
		return nil, err
	}
	for i, row := range v.Confusion {
		c := ClassFindings{Class: classes[i], Trained: trained[i]}
		for _, n := range row {
			c.Images += n
		}
		if c.Accuracy, err = proportion.Wilson(row[i], c.Images, confidence); err != nil {
			return nil, err
		}
		v.Classes = append(v.Classes, c)
	}
	return v, nil
}

// Lines are the findings for a terminal.
func (f *Findings) Lines() []string {
	var lines []string
	if f.Validation != nil {
		lines = append(lines, fmt.Sprintf("%s: accuracy %s (%s) on %s it was not trained on, after epoch %d of %d",
			f.Config.Options.Network, percent(f.Validation.Accuracy.Value), interval(f.Validation.Accuracy), plural(f.Validation.Images, "image"), f.Best, len(f.Epochs)))
	} else {
		last := f.Epochs[len(f.Epochs)-1]
		lines = append(lines, fmt.Sprintf("%s: loss %s, accuracy %s on the images it was trained on, in epoch %d", f.Config.Options.Network, figure.Number(last.Loss, false, 3), percent(last.Accuracy), last.Epoch))
	}
	if f.Ended != "" {
		lines = append(lines, f.Ended)
	}
	if len(f.Lost) > 0 {
		lines = append(lines, fmt.Sprintf("%s could not be read and had no part", plural(len(f.Lost), "image")))
	}
	return lines
}

func percent(v float64) string { return figure.Number(v, true, 2) + " %" }

func interval(e proportion.Estimate) string {
	return figure.Number(e.Low, true, 2) + " to " + figure.Number(e.High, true, 2) + " %"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
