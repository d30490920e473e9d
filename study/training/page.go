package training

import (
	"fmt"
	"math"
	"strings"

	"visus/report"
	"visus/report/figure"
	"visus/study/result"
)

// page composes the report: how well it sees, how it learnt, what it takes for what.
func (r *run) page(f *Findings) report.Page {
	p := report.Page{
		Title:    "Training: " + r.Options.Network,
		Subtitle: fmt.Sprintf("%d images of %d classes (%s)", f.Images, len(r.config.Decided.Classes), r.Options.Images),
		Summary:  f.summary(),
		Lead:     f.lead(),
		Sections: []report.Section{f.learning()},
	}
	if f.Validation != nil {
		p.Sections = append(p.Sections, f.classes())
	}
	if len(f.Lost) > 0 {
		p.Sections = append(p.Sections, report.Section{ID: "lost", Title: "Images that could not be read", Parts: []report.Part{report.Note{Tone: report.Warn, Title: plural(len(f.Lost), "image") + " had no part", Items: f.Lost}}})
	}
	p.Sections = append(p.Sections, r.method(f))
	return p
}

func (f *Findings) summary() []string {
	var out []string
	if v := f.Validation; v != nil {
		text := fmt.Sprintf("The network names %s of %s rightly that it was not trained on (95 %% interval %s).", percent(v.Accuracy.Value), plural(v.Images, "image"), interval(v.Accuracy))
		if f.Best < len(f.Epochs) {
			text += fmt.Sprintf(" These are the parameters after epoch %d of %d, which made the fewest errors on these images; chosen so, the number is a little too good.", f.Best, len(f.Epochs))
		}
		out = append(out, text)
	} else {
		out = append(out, "No images were set aside, so how well the network sees others is unknown; the model has the parameters of the last epoch.")
	}
	if f.Ended != "" {
		out = append(out, f.Ended+".")
	}
	return out
}

func (f *Findings) lead() []report.Key {
	last := f.Epochs[len(f.Epochs)-1]
	keys := []report.Key{
		{Label: "trained on", Value: fmt.Sprint(f.Images), Detail: "images"},
		{Label: "parameters", Value: fmt.Sprint(f.Parameters), Detail: "of " + f.Config.Options.Network},
		{Label: "training loss", Value: figure.Number(last.Loss, false, 3), Detail: "nats, last epoch"},
	}
	if v := f.Validation; v != nil {
		keys = append([]report.Key{{Label: "validation accuracy", Value: percent(v.Accuracy.Value), Detail: interval(v.Accuracy)}}, keys...)
	}
	return keys
}

// learning shows loss and accuracy by epoch.
func (f *Findings) learning() report.Section {
	var epochs, loss, accuracy, theirLoss, theirAccuracy []float64
	x := figure.Axis{Label: "epoch"}
	const named = 12 // as many epochs are written one by one, from 1
	for i, e := range f.Epochs {
		if len(f.Epochs) <= named {
			x.Names = append(x.Names, fmt.Sprint(e.Epoch))
		}
		epochs, loss, accuracy = append(epochs, float64(e.Epoch)), append(loss, e.Loss), append(accuracy, e.Accuracy)
		if x.Names != nil {
			epochs[i] = float64(i)
		}
		theirLoss, theirAccuracy = append(theirLoss, orNaN(e.ValidationLoss)), append(theirAccuracy, orNaN(e.ValidationAccuracy))
	}
	lines := func(training, validation []float64) []figure.Line {
		all := []figure.Line{{Name: "training", X: epochs, Y: training}}
		if f.Validation != nil {
			all = append(all, figure.Line{Name: "validation", X: epochs, Y: validation})
		}
		return all
	}
	return report.Section{ID: "learning", Title: "How it learnt", Parts: []report.Part{
		report.Chart{
			Name: "learning", Title: "Loss and accuracy", Alt: "Curves of loss and accuracy over the epochs, for the images trained on and those set aside.", Columns: 2,
			Caption: "Training: mean over the epoch's batches, whose images were changed at random where asked for, while the parameters moved. Validation: the images as they are, after the epoch.",
			Panels: []figure.Panel{
				{Title: "Loss", Chart: figure.Curves{X: x, Y: figure.Axis{Label: "cross-entropy, nats"}, Lines: lines(loss, theirLoss)}},
				{Title: "Accuracy", Chart: figure.Curves{X: x, Y: figure.Axis{Label: "accuracy, %", Percent: true}, Lines: lines(accuracy, theirAccuracy)}},
			},
		},
		f.epochTable(),
	}}
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func (f *Findings) epochTable() report.Table {
	t := report.Table{Name: "epochs", Title: "Epochs", Folded: true, Columns: []report.Column{
		{Name: "epoch"}, {Name: "learning rate", Kind: report.NumberKind, Decimals: 5},
		{Name: "loss", Kind: report.NumberKind, Decimals: 4, Best: report.Lowest}, {Name: "accuracy", Kind: report.PercentKind, Decimals: 2, Best: report.Highest},
		{Name: "validation loss", Kind: report.NumberKind, Decimals: 4, Best: report.Lowest}, {Name: "validation accuracy", Kind: report.PercentKind, Decimals: 2, Best: report.Highest},
	}}
	for _, e := range f.Epochs {
		t.Rows = append(t.Rows, []report.Cell{report.Text(fmt.Sprint(e.Epoch)), report.Num(e.LearningRate), report.Num(e.Loss), report.Num(e.Accuracy),
			report.Num(orNaN(e.ValidationLoss)), report.Num(orNaN(e.ValidationAccuracy))})
	}
	return t
}

func (f *Findings) classes() report.Section {
	t := report.Table{Name: "classes", Title: "Accuracy by class", Columns: []report.Column{
		{Name: "class"}, {Name: "trained on", Kind: report.NumberKind}, {Name: "shown", Kind: report.NumberKind}, {Name: "accuracy", Kind: report.PercentKind, Decimals: 1, Best: report.Highest},
	}}
	names := make([]string, len(f.Validation.Classes))
	for i, c := range f.Validation.Classes {
		names[i] = c.Class
		t.Rows = append(t.Rows, []report.Cell{report.Text(c.Class), report.Num(float64(c.Trained)), report.Num(float64(c.Images)), report.NumIn(c.Accuracy.Value, c.Accuracy.Low, c.Accuracy.High)})
	}
	return report.Section{ID: "classes", Title: "What it takes for what", Text: []string{"Answers of the written model to the validation images. Intervals are Wilson's, of level 95 %."}, Parts: []report.Part{
		report.Matrix{Name: "confusion", Title: "Confusion", Alt: "Matrix of true classes by answers on the validation images.", Classes: names, Counts: f.Validation.Confusion}, t,
	}}
}

func (r *run) method(f *Findings) report.Section {
	o, d := r.Options, r.config.Decided
	facts := []report.Fact{
		{Name: "visus", Value: f.Visus}, {Name: "engine", Value: f.Engine},
		{Name: "network", Value: fmt.Sprintf("%s, %d trained numbers, input %d×%d with %s", o.Network, f.Parameters, d.Width, d.Height, plural(d.Channels, "channel"))},
		{Name: "optimiser", Value: fmt.Sprintf("%s, learning rate %v (%s), weight decay %v, batches of %d", o.Optimiser, d.LearningRate, o.Schedule, o.WeightDecay, o.Batch)},
		{Name: "augmentation", Value: orNone(strings.Join(o.Augment, ", "))},
		{Name: "validation", Value: orNone(o.Validation)}, {Name: "seed", Value: fmt.Sprint(o.Seed)},
		{Name: "preprocessing", Value: fmt.Sprintf("value/255, less the mean %.4v, divided by the deviation %.4v of the training images", d.Mean[:d.Channels], d.Std[:d.Channels])},
	}
	return report.Section{ID: "method", Title: "Method", Text: []string{
		"Images are brought to the network's size once (short side, bilinear with antialiasing, then the centre). Batches are shuffled anew each epoch; every image has a random stream of its own for its changes.",
		"The loss is the mean cross-entropy of a batch. The curves of training and validation are not of the same images nor of the same parameters.",
	}, Parts: []report.Part{report.Details{Title: "What was run", Facts: facts, Command: "visus rerun " + result.Quoted(r.folder)}}}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
