package adversarial

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"visus/report"
	"visus/report/figure"
	"visus/stimulus/raster"
	"visus/study/corruption"
	"visus/study/result"
	"visus/study/session"
	"visus/tensor"
	"visus/trial"
)

// page composes the report: the answer first, then what it rests on.
func (r *run) page(f *Findings) (report.Page, error) {
	var names []string
	for _, m := range f.Models {
		names = append(names, m.Name)
	}
	p := report.Page{Title: "Attacks: " + strings.Join(names, ", "), Summary: f.summary(),
		Subtitle: fmt.Sprintf("%d images, %d attacks, %d epsilons (%s)", f.Images, len(r.attacks), len(f.Epsilons), r.Options.Images)}
	for _, m := range f.Models {
		p.Lead = append(p.Lead, report.Key{Label: "Right as they are, " + m.Name, Value: percent(m.Clean.Value), Detail: interval(m.Clean.Low, m.Clean.High)})
		for _, norm := range []string{"linf", "l2", "l1", "l0"} {
			if a, ok := m.worst(norm, len(f.Epsilons)-1); ok {
				e := a.Accuracy[len(f.Epsilons)-1]
				p.Lead = append(p.Lead, report.Key{Label: fmt.Sprintf("Right within %s (%s), %s", fraction(f.Epsilons[len(f.Epsilons)-1]), norm, m.Name), Value: percent(e.Value), Detail: "by " + a.Name, Tone: report.Bad})
			}
		}
	}
	if len(f.Warnings) > 0 {
		p.Sections = append(p.Sections, report.Section{ID: "warnings", Title: "Warnings", Parts: []report.Part{report.Note{Tone: report.Warn, Title: "What to doubt", Items: f.Warnings}}})
	}
	for i, m := range f.Models {
		gallery, err := r.gallery(i)
		if err != nil {
			return p, err
		}
		section := report.Section{ID: fmt.Sprintf("model-%d", i+1), Title: "How small a push breaks " + m.Name,
			Parts: append(m.curves(i, f.Epsilons), m.table(i, f.Epsilons), m.costs(i, f.Images))}
		p.Sections = append(p.Sections, section)
		if gallery != nil {
			p.Sections = append(p.Sections, report.Section{ID: fmt.Sprintf("images-%d", i+1), Title: "What " + m.Name + " was shown", Parts: []report.Part{*gallery}})
		}
	}
	text := []string{
		"An epsilon is told per element of the image: the largest change for linf, the root mean square for l2, the mean for l1, the share of changed elements for l0. Attacks of a fixed size close in on the smallest epsilon that is enough; what resists a larger one is taken to resist. Attacks that look for the smallest push are run once and clipped to every epsilon.",
		"Intervals are Wilson's, level 95 %. What is shown to the model never leaves [0, 1] nor epsilon; it is not rounded to 8 bits.",
		"That these attacks fail is no proof that others do: accuracy under attack is an upper bound of what the model withstands.",
		"Exact: what clipping to [0, 1] takes from a push is given back by rescaling, so that the push spends epsilon (Rauber & Bethge 2020); compare the columns of what was spent.",
	}
	facts := []report.Fact{{Name: "visus", Value: f.Visus}, {Name: "engine", Value: f.Engine}, {Name: "images", Value: fmt.Sprintf("%s (%d shown)", r.Options.Images, f.Images)}, {Name: "seed", Value: fmt.Sprint(r.Options.Seed)}}
	p.Sections = append(p.Sections, report.Section{ID: "method", Title: "Method", Text: text,
		Parts: []report.Part{report.Details{Title: "What was run", Facts: facts, Command: "visus rerun " + result.Quoted(r.folder)}}})
	return p, nil
}

func percent(v float64) string { return figure.Number(v, true, 1) + " %" }

func interval(low, high float64) string {
	return fmt.Sprintf("%s to %s", percent(low), percent(high))
}

// worst is the attack of a norm that leaves the fewest right within an epsilon.
func (m ModelFindings) worst(norm string, epsilon int) (out AttackFindings, ok bool) {
	for _, a := range m.Attacks {
		if a.Norm == norm && (!ok || a.Accuracy[epsilon].Value < out.Accuracy[epsilon].Value) {
			out, ok = a, true
		}
	}
	return out, ok
}

func (f *Findings) summary() (out []string) {
	for _, m := range f.Models {
		text := fmt.Sprintf("`%s` is right on %s of the images as they are.", m.Name, percent(m.Clean.Value))
		for _, norm := range []string{"linf", "l2"} {
			a, ok := m.worst(norm, len(f.Epsilons)-1)
			if !ok {
				continue
			}
			for k, e := range f.Epsilons {
				if a.Accuracy[k].Value < m.Clean.Value/2 {
					text += fmt.Sprintf(" Pushes of %s (%s, %s) leave %s.", fraction(e), norm, a.Name, percent(a.Accuracy[k].Value))
					break
				}
			}
		}
		out = append(out, text)
	}
	return out
}

// curves show accuracy over epsilon, a chart for each norm.
func (m ModelFindings) curves(i int, epsilons []float64) (parts []report.Part) {
	for _, norm := range []string{"linf", "l2", "l1", "l0"} {
		curves := figure.Curves{X: figure.Axis{Label: "epsilon, of 255"}, Y: figure.Axis{Label: "accuracy, %", Percent: true, Min: 0, Max: 1}, Width: 420, Height: 240}
		for _, a := range m.Attacks {
			if a.Norm != norm {
				continue
			}
			line := figure.Line{Name: a.Name, X: []float64{0}, Y: []float64{m.Clean.Value}, Low: []float64{m.Clean.Low}, High: []float64{m.Clean.High}}
			for k, e := range epsilons {
				line.X, line.Y = append(line.X, 255*e), append(line.Y, a.Accuracy[k].Value)
				line.Low, line.High = append(line.Low, a.Accuracy[k].Low), append(line.High, a.Accuracy[k].High)
			}
			curves.Lines = append(curves.Lines, line)
		}
		if len(curves.Lines) > 0 {
			parts = append(parts, report.Chart{Name: fmt.Sprintf("robustness-%s-%d", norm, i+1), Title: "Accuracy under attack, " + norm,
				Caption: "Share of all images that are answered right within epsilon; bands: 95 %.", Alt: "Curves of the accuracy over epsilon, one for each attack",
				Panels: []figure.Panel{{Chart: curves}}})
		}
	}
	return parts
}

// table has the accuracy within every epsilon, with intervals.
func (m ModelFindings) table(i int, epsilons []float64) report.Table {
	t := report.Table{Name: fmt.Sprintf("accuracy-%d", i+1), Title: "Accuracy within epsilon", Columns: []report.Column{{Name: "attack"}, {Name: "norm"}},
		Caption: "The strongest attack of each column in bold."}
	for _, e := range epsilons {
		t.Columns = append(t.Columns, report.Column{Name: fraction(e), Kind: report.PercentKind, Decimals: 1, Best: report.Lowest})
	}
	for _, a := range m.Attacks {
		row := []report.Cell{report.Text(a.Name), report.Text(a.Norm)}
		for _, e := range a.Accuracy {
			row = append(row, report.NumIn(e.Value, e.Low, e.High))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// costs have the smallest pushes, what was spent, and what it took.
func (m ModelFindings) costs(i, images int) report.Table {
	t := report.Table{Name: fmt.Sprintf("pushes-%d", i+1), Title: "Smallest pushes and cost", Columns: []report.Column{{Name: "attack"}, {Name: "gradients"},
		{Name: "median smallest push, of 255", Kind: report.NumberKind, Decimals: 2}, {Name: "spent of the largest epsilon", Kind: report.PercentKind, Decimals: 1},
		{Name: "answers an image", Kind: report.NumberKind, Decimals: 1}, {Name: "gradients an image", Kind: report.NumberKind, Decimals: 1}, {Name: "time", Unit: "s", Kind: report.NumberKind, Decimals: 1}},
		Caption: "The median is over all images, those that are wrong as they are at 0; empty where most resist. Pushes stop once they break an image, so that they spend less than epsilon."}
	for _, a := range m.Attacks {
		smallest := 255 * a.Smallest
		if math.IsInf(smallest, 0) {
			smallest = math.NaN()
		}
		uses := "no"
		if a.Gradient {
			uses = "yes"
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(a.Name), report.Text(uses), report.Num(smallest), report.Num(a.Spent[len(a.Spent)-1]),
			report.Num(float64(a.Cost.Answers) / float64(images)), report.Num(float64(a.Cost.Gradients) / float64(images)), report.Num(a.Seconds)})
	}
	return t
}

// gallery shows a few images as they are and as each attack left them, each with its difference, magnified.
func (r *run) gallery(model int) (*report.Browser, error) {
	b := &report.Browser{Title: "Images and what was added", GroupName: "attack", LevelName: "epsilon", Observers: []string{r.Models[model].Name()},
		Conditions: []report.Condition{{Name: session.Clean}},
		Caption:    "Right beside each image: what was added to it, ten times as strong, around grey."}
	answers, err := r.answers(model)
	if err != nil {
		return nil, err
	}
	count := min(shown, r.Options.Batch, len(r.Stimuli))
	for k := range count {
		item := r.Source(r.Conditions[0]).Item(k)
		b.Items = append(b.Items, report.Item{Stimulus: item.ID})
	}
	for a, known := range r.attacks {
		j := job{model: model, attack: a}
		clean, err := tensor.ReadFile(r.path("adversarial/" + r.stored(j, 0)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil // the images were taken away
		}
		if err != nil {
			return nil, err
		}
		for k, e := range r.Options.Epsilons {
			name := fmt.Sprintf("%s-%s", known.Name, fraction(e))
			b.Conditions = append(b.Conditions, report.Condition{Name: name, Group: known.Name, Level: k + 1})
			pushed, err := tensor.ReadFile(r.path("adversarial/" + r.stored(j, k+1)))
			if err != nil {
				return nil, err
			}
			for i := range b.Items {
				if err := r.view(&b.Items[i], model, len(b.Conditions)-1, clean, pushed, i, answers[name]); err != nil {
					return nil, err
				}
			}
		}
		for i := range b.Items {
			if a == 0 {
				if err := r.view(&b.Items[i], model, 0, clean, clean, i, answers[session.Clean]); err != nil {
					return nil, err
				}
			}
		}
	}
	return b, nil
}

// answers are the first rows of each condition, by condition.
func (r *run) answers(model int) (map[string]map[string]trial.Trial, error) {
	out := map[string]map[string]trial.Trial{}
	for row, err := range trial.ReadFile(r.path(trial.TableFile)) {
		if err != nil {
			return nil, err
		}
		if row.Observer != r.Models[model].Name() {
			continue
		}
		if out[row.Condition] == nil {
			out[row.Condition] = map[string]trial.Trial{}
		}
		if len(out[row.Condition]) < shown {
			out[row.Condition][row.Stimulus] = row
		}
	}
	return out, nil
}

func (r *run) view(item *report.Item, model, condition int, clean, pushed *tensor.Tensor, i int, rows map[string]trial.Trial) error {
	row := rows[item.Stimulus]
	item.Category = row.Category
	shape := pushed.Shape()
	each := pushed.Len() / shape[0]
	before, after := tensor.Values[float32](clean)[i*each:(i+1)*each], tensor.Values[float32](pushed)[i*each:(i+1)*each]
	added := make([]float32, each)
	for p := range added {
		added[p] = 0.5 + 10*(after[p]-before[p])
	}
	picture := beside(r.networks[model].Picture(after), r.networks[model].Picture(added))
	encoded, err := corruption.EncodeThumbnail(picture)
	item.Views = append(item.Views, report.View{Condition: condition, Image: encoded,
		Answers: []report.Answer{{Response: row.Response, Confidence: row.Confidence, Correct: row.Correct}}})
	return err
}

// beside puts two pictures of one size side by side.
func beside(a, b *raster.Image) *raster.Image {
	out := raster.New(a.Width+b.Width, a.Height)
	for y := range a.Height {
		row := out.Pix[3*y*out.Width:][:3*out.Width]
		copy(row, a.Pix[3*y*a.Width:][:3*a.Width])
		copy(row[3*a.Width:], b.Pix[3*y*b.Width:][:3*b.Width])
	}
	return out
}
