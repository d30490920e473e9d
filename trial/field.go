package trial

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// FieldHeader is the header of the CSV in which the field exchanges responses (Geirhos et al. 2021, "Partial success in closing the gap between human and machine vision",
// https://github.com/bethgelab/model-vs-human).
const FieldHeader = "subj,session,trial,rt,object_response,category,condition,imagename"

var fieldColumns = strings.Split(FieldHeader, ",")

// noResponse is how the field writes that an observer gave no answer in time.
const noResponse = "na"

// theirs maps the field's columns to those of a trial. Whoever is called subject-… is a person, all others are models.
var theirs = map[string]func(d *decoder, t *Trial, cell []byte) error{
	"subj":      ours["observer"],
	"session":   ours["session"],
	"trial":     ours["trial"],
	"rt":        ours["rt_seconds"],
	"category":  ours["category"],
	"condition": ours["condition"],
	"imagename": ours["stimulus"],
	"object_response": func(d *decoder, t *Trial, cell []byte) error {
		switch string(cell) {
		case "":
			return errors.New("the cell is empty; expected a category, or na where there was no answer")
		case noResponse:
			return nil
		}
		t.Response = d.name(cell)
		return nil
	},
}

func kindOf(observer string) Kind {
	if strings.HasPrefix(observer, "subject-") {
		return Human
	}
	return Model
}

// FieldWriter writes trials as the field's CSV: study, confidence and other extras than the named columns have no place there.
type FieldWriter struct {
	output
	extras []string
}

// NewFieldWriter returns a FieldWriter; extras names columns behind the standard ones, taken from Extras.Other.
func NewFieldWriter(w io.Writer, extras ...string) *FieldWriter {
	out := &FieldWriter{output: newOutput(w), extras: extras}
	out.buf = append(out.buf, FieldHeader...)
	for _, name := range extras {
		out.buf = appendField(append(out.buf, ','), name)
	}
	out.buf = append(out.buf, '\n')
	return out
}

// Write appends one row. Errors of the file are kept.
func (w *FieldWriter) Write(t *Trial) error {
	if w.err != nil {
		return w.err
	}
	b := append(appendField(w.buf, t.Observer), ',')
	b = append(strconv.AppendInt(b, int64(t.Session), 10), ',')
	b = append(strconv.AppendInt(b, int64(t.Trial), 10), ',')
	b = append(appendSeconds(b, t.RT), ',')
	response := t.Response
	if response == "" {
		response = noResponse
	}
	b = append(appendField(b, response), ',')
	b = append(appendField(b, t.Category), ',')
	b = append(appendField(b, t.Condition), ',')
	b = appendField(b, t.Stimulus)
	for _, name := range w.extras {
		b = append(b, ',')
		if value, ok := t.Extras.Other[name]; ok {
			b = appendField(b, fmt.Sprint(value))
		}
	}
	w.buf = append(b, '\n')
	return w.spill()
}

// appendSeconds writes microseconds as the field's tables do, and more digits only where the time has them.
func appendSeconds(b []byte, rt float64) []byte {
	if math.IsNaN(rt) {
		return append(b, "NaN"...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, rt, 'f', 6, 64)
	if same, err := strconv.ParseFloat(string(b[start:]), 64); err != nil || same != rt {
		b = strconv.AppendFloat(b[:start], rt, 'f', -1, 64)
	}
	return b
}
