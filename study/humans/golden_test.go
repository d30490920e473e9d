package humans

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"visus/internal/golden"
	"visus/internal/progress"
	"visus/trial"
)

// compared counts comparisons, so that a test says how many it made.
type compared struct {
	t *testing.T
	n int
}

func (c *compared) near(what string, got, want float64) {
	c.t.Helper()
	c.n++
	if math.Abs(got-want) > 1e-9 || math.IsNaN(got) != math.IsNaN(want) {
		c.t.Errorf("%s is %.12g, want %.12g", what, got, want)
	}
}

// compare runs the study on folders of the golden data that are there.
func compare(t testing.TB, o Options, folders ...string) (*Findings, string) {
	t.Helper()
	root := golden.Dir(t, "humans")
	for _, folder := range folders {
		path := filepath.Join(root, folder)
		if _, err := os.Stat(path); err != nil {
			t.Skipf("golden data absent: %s", folder)
		}
		o.Trials = append(o.Trials, path)
	}
	if o.Resamples == 0 {
		o.Resamples = 50 // intervals are not compared here
	}
	out := filepath.Join(t.TempDir(), "out")
	findings, err := Study{Options: o}.Run(context.Background(), out)
	if err != nil {
		t.Fatal(err)
	}
	return findings, out
}

func TestGoldenBenchmark(t *testing.T) {
	type scores struct {
		Difference  float64 `json:"accuracy difference"`
		Observed    float64 `json:"observed consistency"`
		Consistency float64 `json:"error consistency"`
		Model       string  `json:"model"`
		Plotting    string  `json:"plotting_name"`
	}
	type lines map[string]map[string]float64 // by decision maker and condition
	for _, file := range golden.Files(t, "humans/golden", "benchmark_synthetic*.json") {
		want := golden.JSON[struct {
			Excluded  map[string][]string
			Formatted []scores
			Accuracy  map[string]float64            `json:"ood_accuracy"`
			Datasets  map[string]map[string]scores  `json:"per_dataset"`
			PerSet    map[string]map[string]float64 `json:"per_dataset_ood_accuracy"`
			Lines     map[string]struct {
				Accuracy, Entropy lines
				Consistency       lines `json:"error_consistency"`
			} `json:"lineplots"`
			LaTeX map[string]string
		}](t, file)
		f, out := compare(t, Options{Names: []string{"synth_a=Synth A", "synth_b=Synth B", "synth_c=Synth C"}}, "human", "models-synthetic")
		c := &compared{t: t}
		names := map[string]string{"Synth A": "synth_a", "Synth B": "synth_b", "Synth C": "synth_c", people: people}
		b := f.Benchmarks[0]
		row := func(observer string) Row {
			return b.Rows[slices.IndexFunc(b.Rows, func(r Row) bool { return r.Observer == observer })]
		}
		for _, w := range want.Formatted {
			r := row(names[w.Plotting])
			c.near(w.Plotting+": accuracy difference", r.AccuracyDifference.Value, w.Difference)
			c.near(w.Plotting+": observed consistency", r.Observed.Value, w.Observed)
			c.near(w.Plotting+": error consistency", r.ErrorConsistency.Value, w.Consistency)
		}
		for name, w := range want.Accuracy {
			c.near(name+": OOD accuracy", row(names[name]).Accuracy.Value, w)
		}
		for dataset, observers := range want.Datasets {
			for name, w := range observers {
				s := scoreOf(t, f, dataset, name)
				c.near(dataset+", "+name+": accuracy difference", s.AccuracyDifference.Value, w.Difference)
				c.near(dataset+", "+name+": observed consistency", s.Observed.Value, w.Observed)
				c.near(dataset+", "+name+": error consistency", s.ErrorConsistency.Value, w.Consistency)
			}
		}
		for dataset, observers := range want.PerSet {
			for name, w := range observers {
				c.near(dataset+", "+name+": accuracy", scoreOf(t, f, dataset, names[name]).Accuracy.Value, w)
			}
		}
		for dataset, w := range want.Lines {
			for what, part := range map[string]struct {
				want lines
				of   func(Score) float64
			}{
				"accuracy":          {w.Accuracy, func(s Score) float64 { return s.Accuracy.Value }},
				"entropy":           {w.Entropy, func(s Score) float64 { return s.Entropy }},
				"error consistency": {w.Consistency, func(s Score) float64 { return s.ErrorConsistency.Value }},
			} {
				for name, conditions := range part.want {
					for condition, value := range conditions {
						c.near(dataset+" "+condition+", "+name+": "+what, part.of(levelScore(t, f, dataset, condition, names[name])), value)
					}
				}
			}
		}
		for dataset, conditions := range want.Excluded {
			var left []string
			for _, l := range find(t, f, dataset).Levels {
				if l.LeftOut {
					left = append(left, l.Condition)
				}
			}
			for i := range conditions {
				conditions[i] = conditionKey(conditions[i])
			}
			if slices.Sort(conditions); !slices.Equal(slices.Sorted(slices.Values(left)), conditions) {
				t.Errorf("%s: %v are left out, want %v", dataset, left, conditions)
			}
			c.n++
		}
		for name, w := range want.LaTeX {
			text, err := os.ReadFile(filepath.Join(out, "tables", name))
			if err != nil {
				t.Fatal(err)
			}
			if collapse(string(text)) != collapse(w) {
				t.Errorf("%s:\n%s\nwant\n%s", name, text, w)
			}
			c.n++
		}
		t.Logf("%d values agree", c.n)
	}
}

func collapse(text string) string { return strings.Join(strings.Fields(text), " ") }

func find(t *testing.T, f *Findings, dataset string) DatasetFindings {
	t.Helper()
	i := slices.IndexFunc(f.Datasets, func(d DatasetFindings) bool { return d.Name == dataset })
	if i < 0 {
		t.Fatalf("no data set %s", dataset)
	}
	return f.Datasets[i]
}

func among(t *testing.T, scores []Score, observer string) Score {
	t.Helper()
	i := slices.IndexFunc(scores, func(s Score) bool { return s.Observer == observer })
	if i < 0 {
		t.Fatalf("no observer %s", observer)
	}
	return scores[i]
}

func scoreOf(t *testing.T, f *Findings, dataset, observer string) Score {
	t.Helper()
	return among(t, find(t, f, dataset).Scores, observer)
}

func levelScore(t *testing.T, f *Findings, dataset, condition, observer string) Score {
	t.Helper()
	levels := find(t, f, dataset).Levels
	i := slices.IndexFunc(levels, func(l LevelFindings) bool { return l.Condition == conditionKey(condition) })
	if i < 0 {
		t.Fatalf("%s has no condition %s", dataset, condition)
	}
	return among(t, levels[i].Scores, observer)
}

// The study's own way from files to numbers is held to some of what the measures are held to one by one.
func TestGoldenPeople(t *testing.T) {
	f, _ := compare(t, Options{}, "human")
	c := &compared{t: t}
	files := golden.Files(t, "humans/golden", "metrics_*.json")
	for _, file := range files {
		want := golden.JSON[struct {
			Dataset    string
			Conditions map[string]struct {
				Pooled  float64 `json:"accuracy_pooled"`
				Entropy float64 `json:"entropy_mean_over_subjects"`
				Kappa   float64 `json:"mean_pairwise_kappa"`
			} `json:"per_condition"`
		}](t, file)
		for condition, w := range want.Conditions {
			if condition == "None" { // there is one
				condition = "0"
			}
			s := levelScore(t, f, want.Dataset, condition, people)
			c.near(want.Dataset+" "+condition+": accuracy", s.Accuracy.Value, w.Pooled)
			c.near(want.Dataset+" "+condition+": entropy", s.Entropy, w.Entropy)
			c.near(want.Dataset+" "+condition+": κ", s.ErrorConsistency.Value, w.Kappa)
		}
	}
	t.Logf("%d values of %d files agree", c.n, len(files))
}

func TestGoldenModelsAndPeople(t *testing.T) {
	f, _ := compare(t, Options{Datasets: []string{"cue-conflict", "edge", "silhouette"}}, "human", "models-2019")
	c := &compared{t: t}
	for _, file := range golden.Files(t, "humans/golden", "models_vs_humans_*.json") {
		want := golden.JSON[struct {
			Dataset     string
			Observers   []string
			Kappa       [][]float64
			ModelHumans map[string]float64 `json:"mean_kappa_model_to_humans"`
			Humans      float64            `json:"mean_kappa_human_human"`
			Models      float64            `json:"mean_kappa_model_model"`
		}](t, file)
		got := find(t, f, want.Dataset).Consistency
		for i, a := range want.Observers {
			for j, b := range want.Observers {
				c.near(want.Dataset+": "+a+" and "+b, got.Kappa[slices.Index(got.Observers, a)][slices.Index(got.Observers, b)].Value, want.Kappa[i][j])
			}
		}
		c.near(want.Dataset+": people", got.AmongPeople, want.Humans)
		c.near(want.Dataset+": models", got.AmongModels, want.Models)
		for model, w := range want.ModelHumans {
			c.near(want.Dataset+": "+model+" with people", scoreOf(t, f, want.Dataset, model).ErrorConsistency.Value, w)
		}
	}
	for _, file := range golden.Files(t, "humans/golden", "shape_bias*.json") {
		want := golden.JSON[struct {
			Order  []string           `json:"order_of_categories_in_matrix_plot_bottom_to_top"`
			Box    map[string]float64 `json:"boxplot_human_values_mean_over_subjects_per_category"`
			Makers map[string]struct {
				S          int                `json:"n_shape"`
				T          int                `json:"n_texture"`
				Bias       float64            `json:"shape_bias"`
				Categories map[string]float64 `json:"shape_bias_per_category"`
			} `json:"decision_makers"`
		}](t, file)
		d := find(t, f, "cue-conflict")
		if !slices.Equal(d.Cues.Order, want.Order) {
			t.Errorf("order %v, want %v", d.Cues.Order, want.Order)
		}
		categories := d.Confusions[0].Categories
		for name, w := range want.Makers {
			i := slices.IndexFunc(d.Cues.Observers, func(o Cue) bool { return o.Observer == name })
			if i < 0 { // the pooled people go by another name
				i = 0
			}
			o := d.Cues.Observers[i]
			if o.Shape != w.S || o.Texture != w.T {
				t.Errorf("%s: %d by shape and %d by texture, want %d and %d", name, o.Shape, o.Texture, w.S, w.T)
			}
			c.near(name+": shape bias", o.Bias.Value, w.Bias)
			for category, bias := range w.Categories {
				c.near(name+", "+category+": shape bias", o.Categories[slices.Index(categories, category)], bias)
			}
		}
		for category, w := range want.Box {
			c.near(category+": box plot of people", d.Cues.Observers[0].Box[slices.Index(categories, category)], w)
		}
	}
	t.Logf("%d values agree", c.n)
}

// The shipped images are a part of the data set; what a model that was shown these is compared with.
func TestGoldenSubsets(t *testing.T) {
	root := golden.Dir(t, "humans")
	c := &compared{t: t}
	for _, file := range golden.Files(t, "humans/golden", "cue_conflict_*.json") {
		want := golden.JSON[struct {
			Images    []string
			Observers map[string]struct {
				Shape, Texture int
				Bias           float64  `json:"shape_bias"`
				Kappa          *float64 `json:"mean_kappa_to_humans"`
			}
		}](t, file)
		all, err := gather([]string{filepath.Join(root, "human"), filepath.Join(root, "models-2019")})
		if err != nil {
			t.Fatal(err)
		}
		rows := filter(all["cue-conflict"], func(r located) bool { return slices.Contains(want.Images, trial.ImageKey(r.Stimulus)) })
		categories, err := Options{}.categories()
		if err != nil {
			t.Fatal(err)
		}
		s, err := load("cue-conflict", rows, categories)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.measure(Options{Resamples: 20})
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range want.Observers {
			i := slices.IndexFunc(m.findings.Cues.Observers, func(o Cue) bool { return o.Observer == name })
			if i < 0 {
				continue // the pooled people go by another name
			}
			o := m.findings.Cues.Observers[i]
			if o.Shape != w.Shape || o.Texture != w.Texture {
				t.Errorf("%s: %d by shape and %d by texture, want %d and %d", name, o.Shape, o.Texture, w.Shape, w.Texture)
			}
			c.near(name+": shape bias", o.Bias.Value, w.Bias)
			if w.Kappa != nil && !o.Person {
				c.near(name+": κ with people", among(t, m.findings.Scores, name).ErrorConsistency.Value, *w.Kappa)
			}
		}
	}
	t.Logf("%d values agree", c.n)
	if c.n == 0 {
		t.Error("nothing was compared")
	}
}

// TestGoldenWholeReport makes the report that the speed is claimed of, and finds its parts.
func TestGoldenWholeReport(t *testing.T) {
	start := time.Now()
	f, out := compare(t, Options{Resamples: 2000}, "human", "models-2019", "models-synthetic")
	t.Logf("%d data sets in %v", len(f.Datasets), time.Since(start))
	figures, err := filepath.Glob(filepath.Join(out, "figures", "*.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if len(figures) < 40 {
		t.Errorf("only %d figures", len(figures))
	}
	for _, want := range []string{"benchmark-bars", "benchmark-scatter", "shape-bias-cue-conflict", "error-consistency-edge", "levels-contrast",
		"confusion-sketch-humans"} {
		if _, err := os.Stat(filepath.Join(out, "figures", want+".svg")); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, FindingsFile))
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]json.RawMessage
	if err := json.Unmarshal(text, &any); err != nil {
		t.Fatal(err)
	}
}

// In 2018 people saw different images, models the same in several sessions.
func TestGoldenPeopleApart(t *testing.T) {
	f, _ := compare(t, Options{}, "human-2018", "models-2018", "models-sin")
	c := &compared{t: t}
	for _, file := range golden.Files(t, "humans/golden", "models_2018_*.json") {
		want := golden.JSON[struct {
			Dataset string
			Humans  map[string]float64 `json:"human_pooled_accuracy"`
			Models  map[string]map[string]struct {
				Mean  *float64 `json:"accuracy_mean_aggregation"`
				Other *float64 `json:"accuracy"` // of models of 2019, which decide by the mean alone
			}
		}](t, file)
		d := find(t, f, want.Dataset)
		for condition, w := range want.Humans {
			i := slices.IndexFunc(d.Apart, func(a Alone) bool { return a.Observer == people && a.Condition == conditionKey(condition) })
			if i < 0 {
				t.Fatalf("%s: nobody in condition %s", want.Dataset, condition)
			}
			c.near(want.Dataset+" "+condition+": people", d.Apart[i].Accuracy.Value, w)
			for model, conditions := range want.Models {
				w := cmp.Or(conditions[condition].Mean, conditions[condition].Other)
				c.near(want.Dataset+" "+condition+": "+model, levelScore(t, f, want.Dataset, condition, model).Accuracy.Value, *w)
			}
		}
	}
	t.Logf("%d accuracies agree", c.n)
}

func BenchmarkGoldenBehaviour(b *testing.B) {
	root := golden.Dir(b, "humans")
	o := Options{Resamples: 1, Trials: []string{filepath.Join(root, "human"), filepath.Join(root, "models-synthetic")}}
	categories, err := o.categories()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		rows, err := gather(o.Trials)
		if err != nil {
			b.Fatal(err)
		}
		r := &run{Study: Study{Options: o, Progress: progress.Silent()}}
		all, err := r.measureAll(context.Background(), rows, categories)
		if err != nil {
			b.Fatal(err)
		}
		f, err := r.conclude(all)
		if err != nil || len(f.Benchmarks) == 0 {
			b.Fatal(err)
		}
		io.WriteString(io.Discard, f.Benchmarks[0].HumanLikeLaTeX())
	}
}
