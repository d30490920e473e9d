package responses_test

import (
	"cmp"
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/measure/agreement"
	"visus/measure/confusion"
	"visus/measure/cue"
	"visus/measure/responses"
	"visus/trial"
)

// Golden numbers are rounded to 12 decimals (six in human_2019_and_models.json), those in percent are compared to 1e-6.
const (
	tolerance        = 1e-9
	percentTolerance = 1e-6
	sixDecimals      = 1e-6
)

var categories = []string{"airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat", "chair", "clock", "dog", "elephant",
	"keyboard", "knife", "oven", "truck"}

// checks counts comparisons, so that a test can say how many it made.
type checks struct {
	t     *testing.T
	where string
	n     int
}

func (c *checks) near(what string, got, want, tolerance float64) {
	c.t.Helper()
	c.n++
	if math.Abs(got-want) > tolerance || math.IsNaN(got) != math.IsNaN(want) {
		c.t.Errorf("%s: %s is %.12g, want %.12g", c.where, what, got, want)
	}
}

func (c *checks) nearAll(what string, got, want [][]float64, tolerance float64) {
	c.t.Helper()
	if len(got) != len(want) {
		c.t.Fatalf("%s: %s has %d rows, want %d", c.where, what, len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			c.t.Fatalf("%s: row %d of %s has %d columns, want %d", c.where, i, what, len(got[i]), len(want[i]))
		}
		for j := range want[i] {
			c.near(what, got[i][j], want[i][j], tolerance)
		}
	}
}

// done reports a golden file that was not compared at all.
func (c *checks) done(cases int) {
	c.t.Helper()
	if c.n == 0 {
		c.t.Error("nothing was compared")
	}
	c.t.Logf("%d numbers of %d cases were compared with the golden data", c.n, cases)
}

// trials reads the data set from the folders that have it. A folder without it is passed over; that all folders lack it is an error.
func trials(t *testing.T, dataset string, folders ...string) []trial.Trial {
	t.Helper()
	var all []trial.Trial
	for _, folder := range folders {
		path := filepath.Join(golden.Dir(t, "humans"), folder, dataset+".csv.gz")
		for row, err := range trial.ReadFile(path) {
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, row)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%v hold no trials of %q", folders, dataset)
	}
	return all
}

// sameCondition is one text for all that stand for the only condition of a data set, too.
func sameCondition(text string) string {
	switch key := trial.ConditionKey(text); key {
	case "nan", "none", "":
		return "0"
	default:
		return key
	}
}

// textureOf is the second category in names such as bird3-bird2 and airplane1-bicycle2-108.
func textureOf(image string) string {
	parts := strings.Split(image, "-")
	if len(parts) < 2 {
		return ""
	}
	return strings.TrimRight(parts[1], "0123456789")
}

func person(observer string) bool { return strings.HasPrefix(observer, "subject-") }

type table struct{ *responses.Table }

func tableOf(t *testing.T, rows []trial.Trial, stimulus func(trial.Trial) string) table {
	t.Helper()
	c, err := responses.NewCollector(categories)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := c.Add(row.Observer, stimulus(row), row.Category, sameCondition(row.Condition), row.Response); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Table()
	if err != nil {
		t.Fatal(err)
	}
	return table{got}
}

func byImage(row trial.Trial) string { return trial.ImageKey(row.Stimulus) }

// of keeps one condition; none that is unknown, so that its numbers are NaN.
func (s table) of(condition string) table {
	level := slices.Index(s.Conditions, sameCondition(condition))
	return table{s.Select(s.Where(level))}
}

func (s table) observer(name string) int { return slices.Index(s.Observers, name) }

func (s table) numbers(keep func(observer string) bool) []int {
	var numbers []int
	for i, o := range s.Observers {
		if keep(o) {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func (s table) persons() []int { return s.numbers(person) }

func (s table) confusion(t *testing.T, observers ...int) *confusion.Matrix {
	t.Helper()
	m, err := s.Confusion(observers...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s table) matrix(t *testing.T, names []string) *agreement.Matrix {
	t.Helper()
	answers := s.Answers()
	var ordered []agreement.Answers
	for _, name := range names {
		ordered = append(ordered, answers[s.observer(name)])
	}
	m, err := agreement.NewMatrix(ordered)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type conditionMetrics struct {
	Accuracy     map[string]float64
	Entropy      map[string]float64 `json:"entropy_bits"`
	Images       int                `json:"n_images"`
	Unanswered   map[string]int     `json:"na_responses"`
	Pooled       float64            `json:"accuracy_pooled"`
	MeanEntropy  float64            `json:"entropy_mean_over_subjects"`
	Kappa        [][]float64
	Observed     [][]float64
	Expected     [][]float64
	Difference   [][]float64 `json:"accuracy_difference_squared"`
	MeanKappa    float64     `json:"mean_pairwise_kappa"`
	MeanObserved float64     `json:"mean_pairwise_observed"`
	MeanDiff     float64     `json:"mean_pairwise_accuracy_difference"`
	Confusion    [][]float64 `json:"confusion_percent_rows_response_na_first_cols_presented"`
}

func TestGoldenMetrics(t *testing.T) {
	files := golden.Files(t, "humans/golden", "metrics_*.json")
	c := &checks{t: t}
	for _, file := range files {
		want := golden.JSON[struct {
			Dataset      string
			Subjects     []string
			PerCondition map[string]conditionMetrics `json:"per_condition"`
			All          *conditionMetrics           `json:"all_conditions"`
		}](t, file)
		people := tableOf(t, trials(t, want.Dataset, "human"), byImage)
		for condition, metrics := range want.PerCondition {
			c.where = want.Dataset + " " + condition
			c.metrics(people.of(condition), want.Subjects, metrics)
		}
		if want.All != nil {
			c.where = want.Dataset + " all conditions"
			c.metrics(people, want.Subjects, *want.All)
		}
	}
	c.done(len(files))
}

func (c *checks) metrics(people table, subjects []string, want conditionMetrics) {
	c.t.Helper()
	matrix := people.matrix(c.t, subjects)
	entropies := 0.0
	for i, s := range subjects {
		observer := people.observer(s)
		m := people.confusion(c.t, observer)
		first, _ := matrix.At(i, i).Accuracies()
		c.near("accuracy", first, want.Accuracy[s], tolerance)
		c.near("accuracy of the confusion matrix", m.Accuracy(), want.Accuracy[s], tolerance)
		c.near("entropy", m.ResponseEntropy(), want.Entropy[s], tolerance)
		entropies += m.ResponseEntropy() / float64(len(subjects))
		unanswered := 0
		for _, r := range people.Responses[observer] {
			if r == responses.None {
				unanswered++
			}
		}
		c.near("number of unanswered trials", float64(unanswered), float64(want.Unanswered[s]), 0)
	}
	c.near("number of images", float64(len(people.Stimuli)), float64(want.Images), 0)
	c.near("mean entropy", entropies, want.MeanEntropy, tolerance)
	c.nearAll("kappa", matrix.Values(agreement.Pair.ErrorConsistency), want.Kappa, tolerance)
	c.nearAll("observed consistency", matrix.Values(agreement.Pair.Observed), want.Observed, tolerance)
	c.nearAll("expected consistency", matrix.Values(agreement.Pair.Expected), want.Expected, tolerance)
	c.nearAll("accuracy difference", matrix.Values(agreement.Pair.AccuracyDifference), want.Difference, tolerance)
	everyone := people.numbers(func(string) bool { return true })
	c.near("mean kappa", matrix.Among(everyone, agreement.Pair.ErrorConsistency), want.MeanKappa, tolerance)
	c.near("mean observed consistency", matrix.Among(everyone, agreement.Pair.Observed), want.MeanObserved, tolerance)
	c.near("mean accuracy difference", matrix.Among(everyone, agreement.Pair.AccuracyDifference), want.MeanDiff, tolerance)
	pooled := people.confusion(c.t, everyone...)
	c.near("pooled accuracy", pooled.Accuracy(), want.Pooled, tolerance)
	c.nearAll("confusion", pooled.Percent(), want.Confusion, percentTolerance)
}

func TestGoldenModelsAndHumans(t *testing.T) {
	files := golden.Files(t, "humans/golden", "models_vs_humans_*.json")
	c := &checks{t: t}
	for _, file := range files {
		want := golden.JSON[struct {
			Dataset                   string
			Observers                 []string
			Accuracy                  map[string]float64
			Kappa, Observed, Expected [][]float64
			ModelHumans               map[string]float64 `json:"mean_kappa_model_to_humans"`
			Humans                    float64            `json:"mean_kappa_human_human"`
			Models                    float64            `json:"mean_kappa_model_model"`
		}](t, file)
		c.where = want.Dataset
		all := tableOf(t, trials(t, want.Dataset, "human", "models-2019"), byImage)
		m := all.matrix(t, want.Observers)
		c.nearAll("kappa", m.Values(agreement.Pair.ErrorConsistency), want.Kappa, tolerance)
		c.nearAll("observed consistency", m.Values(agreement.Pair.Observed), want.Observed, tolerance)
		c.nearAll("expected consistency", m.Values(agreement.Pair.Expected), want.Expected, tolerance)
		var persons, models []int
		for i, o := range want.Observers {
			c.near("accuracy of "+o, all.Answers()[all.observer(o)].Accuracy(), want.Accuracy[o], tolerance)
			if person(o) {
				persons = append(persons, i)
			} else {
				models = append(models, i)
			}
		}
		for _, i := range models {
			o := want.Observers[i]
			c.near("kappa of people and "+o, m.With(i, persons, agreement.Pair.ErrorConsistency), want.ModelHumans[o], tolerance)
		}
		c.near("kappa among people", m.Among(persons, agreement.Pair.ErrorConsistency), want.Humans, tolerance)
		c.near("kappa among models", m.Among(models, agreement.Pair.ErrorConsistency), want.Models, tolerance)
	}
	c.done(len(files))
}

func TestGoldenCategoryErrors(t *testing.T) {
	files := golden.Files(t, "humans/golden", "category_errors_*.json")
	c := &checks{t: t}
	for _, file := range files {
		want := golden.JSON[struct {
			Dataset    string
			Categories []string
			Conditions map[string]struct {
				Observers  []string
				Rates      map[string][]float64 `json:"class_error_rates"`
				SquaredL2  [][]float64          `json:"squared_l2"`
				JSD        [][]float64          `json:"jsd_bits"`
				SymmetricK [][]float64          `json:"symmetric_kl_eps1e-4_bits_as_in_2018_repo"`
			}
		}](t, file)
		if !slices.Equal(want.Categories, categories) {
			t.Fatalf("%s: other categories: %v", file, want.Categories)
		}
		all := tableOf(t, trials(t, want.Dataset, "human", "models-2019", "models-synthetic"), byImage)
		for condition, w := range want.Conditions {
			c.where = want.Dataset + " " + condition
			part := all.of(condition)
			var errors [][]float64
			for _, o := range w.Observers {
				m := part.confusion(t, part.observer(o))
				c.nearAll("error rates of "+o, [][]float64{m.ErrorRates()}, [][]float64{w.Rates[o]}, tolerance)
				errors = append(errors, m.ErrorDistribution())
			}
			c.nearAll("squared distance", pairwise(t, errors, confusion.SquaredDistance), w.SquaredL2, tolerance)
			c.nearAll("Jensen-Shannon divergence", pairwise(t, errors, confusion.JensenShannon), w.JSD, tolerance)
			c.nearAll("symmetric KL", pairwise(t, errors, confusion.SymmetricKL), w.SymmetricK, tolerance)
		}
	}
	c.done(len(files))
}

func pairwise(t *testing.T, distributions [][]float64, distance func(p, q []float64) (float64, error)) [][]float64 {
	t.Helper()
	values := make([][]float64, len(distributions))
	for i, p := range distributions {
		for _, q := range distributions {
			d, err := distance(p, q)
			if err != nil {
				t.Fatal(err)
			}
			values[i] = append(values[i], d)
		}
	}
	return values
}

func TestGoldenModels2018(t *testing.T) {
	files := golden.Files(t, "humans/golden", "models_2018_*.json")
	c := &checks{t: t}
	for _, file := range files {
		type accuracy struct {
			N    int
			Only *float64 `json:"accuracy"` // of models with one decision
			Mean *float64 `json:"accuracy_mean_aggregation"`
			Sum  *float64 `json:"accuracy_sum_aggregation"`
		}
		want := golden.JSON[struct {
			Dataset string
			Humans  map[string]float64 `json:"human_pooled_accuracy"`
			Models  map[string]map[string]accuracy
			Kappa   map[string]any `json:"kappa_between_models"`
		}](t, file)
		// The files of different authors number sessions differently; within one an image comes once in each condition.
		draw := func(row trial.Trial) string { return sameCondition(row.Condition) + " " + byImage(row) }
		rows := trials(t, want.Dataset, "models-2018", "models-sin")
		models := tableOf(t, rows, draw)
		sums := tableOf(t, summed(rows), draw)
		order := texts(want.Kappa["order"])
		people := trials(t, want.Dataset, "human-2018")
		for condition, human := range want.Humans {
			c.where = want.Dataset + " " + condition
			c.near("pooled accuracy of people", pooledAccuracy(people, condition), human, tolerance)
			part, partSums := models.of(condition), sums.of(condition)
			for _, m := range order {
				w := want.Models[m][condition]
				answers := part.Answers()[part.observer(m)]
				c.near("number of trials of "+m, float64(answers.Stimuli()), float64(w.N), 0)
				c.near("accuracy of "+m, answers.Accuracy(), *cmp.Or(w.Only, w.Mean), tolerance)
				if w.Sum != nil {
					c.near("accuracy by sums of "+m, partSums.Answers()[partSums.observer(m)].Accuracy(), *w.Sum, tolerance)
				}
			}
			c.nearAll("kappa", part.matrix(t, order).Values(agreement.Pair.ErrorConsistency), floats(want.Kappa[condition]), tolerance)
		}
	}
	c.done(len(files))
}

// summed returns the decisions by sums of the models that have them.
func summed(rows []trial.Trial) []trial.Trial {
	var out []trial.Trial
	for _, row := range rows {
		if response, has := row.Extras.Other["object_response_sums"].(string); has {
			row.Response, row.Correct = response, response == row.Category
			out = append(out, row)
		}
	}
	return out
}

func texts(v any) []string {
	var out []string
	for _, x := range v.([]any) {
		out = append(out, x.(string))
	}
	return out
}

func floats(v any) [][]float64 {
	var out [][]float64
	for _, row := range v.([]any) {
		var values []float64
		for _, x := range row.([]any) {
			values = append(values, x.(float64))
		}
		out = append(out, values)
	}
	return out
}

func pooledAccuracy(rows []trial.Trial, condition string) float64 {
	n, right := 0, 0
	for _, row := range rows {
		if sameCondition(row.Condition) != sameCondition(condition) {
			continue
		}
		n++
		if row.Correct {
			right++
		}
	}
	return float64(right) / float64(n)
}

// published are the labels of tables whose trials name conditions otherwise.
var published = map[string]map[string]string{
	"colour":             {"colour": "cr", "greyscale": "bw"},
	"power-equalisation": {"original": "0", "equalised": "pow"},
	"false-colour":       {"opponent": "false"},
}

func TestGoldenPublishedAccuracies(t *testing.T) {
	files := golden.Files(t, "humans/published-accuracies", "*.csv")
	c := &checks{t: t}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), "_sums_TF.csv")
		dataset, coherence, _ := strings.Cut(name, "_accuracies")
		coherence = strings.TrimPrefix(coherence, "_coh_")
		people, models := trials(t, dataset, "human-2018"), summed(trials(t, dataset, "models-2018"))
		rows := readCSV(t, file)
		for _, row := range rows[1:] {
			condition := cmp.Or(published[dataset][row[0]], row[0])
			if coherence != "" { // the logarithm of the reach
				reach, err := strconv.Atoi(row[0])
				if err != nil {
					t.Fatal(err)
				}
				condition = strconv.Itoa(1<<reach) + "-" + coherence + "-10"
			}
			c.where = name + " " + row[0]
			for i, observer := range rows[0][1:] {
				want, err := strconv.ParseFloat(row[i+1], 64)
				if err != nil {
					t.Fatal(err)
				}
				own := people
				if observer != "humans" {
					own = slices.DeleteFunc(slices.Clone(models), func(r trial.Trial) bool { return r.Observer != observer })
				}
				c.near("accuracy of "+observer, pooledAccuracy(own, condition), want, tolerance)
			}
		}
	}
	c.done(len(files))
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

type cueCounts struct {
	N          int
	Accuracy   *float64
	Conflict   *int `json:"n_conflict"`
	Shape      int
	Texture    int
	ShapeBias  *float64           `json:"shape_bias"`
	NShape     int                `json:"n_shape"`
	NTexture   int                `json:"n_texture"`
	OfShape    float64            `json:"fraction_correct_shape"`
	OfTexture  float64            `json:"fraction_correct_texture"`
	AllShape   float64            `json:"accuracy_shape_all"`
	ByCategory map[string]float64 `json:"shape_bias_per_category"`
}

// decisions counts an observer's, or those of people together.
func decisions(t *testing.T, rows []trial.Trial, observer string) cue.Decisions {
	t.Helper()
	var shape, texture, answers []uint8
	for _, row := range rows {
		if row.Observer != observer && !(observer == "humans" && person(row.Observer)) {
			continue
		}
		shape = append(shape, code(t, row.Category))
		texture = append(texture, code(t, textureOf(byImage(row))))
		answer := uint8(responses.None)
		if row.Response != "" {
			answer = code(t, row.Response)
		}
		answers = append(answers, answer)
	}
	d, err := cue.Decide(shape, texture, answers, len(categories))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func code(t *testing.T, category string) uint8 {
	t.Helper()
	i := slices.Index(categories, category)
	if i < 0 {
		t.Fatalf("%q is no category", category)
	}
	return uint8(i)
}

func TestGoldenShapeBias(t *testing.T) {
	want := golden.JSON[struct {
		Order   []string             `json:"order_of_categories_in_matrix_plot_bottom_to_top"`
		BoxPlot map[string]float64   `json:"boxplot_human_values_mean_over_subjects_per_category"`
		Makers  map[string]cueCounts `json:"decision_makers"`
	}](t, golden.Files(t, "humans/golden", "shape_bias.json")[0])
	rows := trials(t, "cue-conflict", "human", "models-2019")
	c := &checks{t: t}
	var people []cue.Decisions
	for observer, w := range want.Makers {
		c.where = observer
		d := decisions(t, rows, observer)
		if person(observer) {
			people = append(people, d)
		}
		c.near("number of trials", float64(d.Stimuli), float64(w.N), 0)
		c.near("number of conflicts", float64(d.Conflicts), float64(*w.Conflict), 0)
		c.near("number of shapes", float64(d.Shape), float64(w.NShape), 0)
		c.near("number of textures", float64(d.Texture), float64(w.NTexture), 0)
		c.near("fraction of shapes", d.ShapeFraction(), w.OfShape, tolerance)
		c.near("fraction of textures", d.TextureFraction(), w.OfTexture, tolerance)
		c.near("shape bias", d.ShapeBias(), *w.ShapeBias, tolerance)
		for category, bias := range w.ByCategory {
			c.near("shape bias of "+category, d.Categories[code(t, category)].ShapeBias(), bias, tolerance)
		}
	}
	pooled, err := cue.Pool(people...)
	if err != nil {
		t.Fatal(err)
	}
	c.where = "humans"
	c.near("pooled shape bias", pooled.ShapeBias(), *want.Makers["humans"].ShapeBias, tolerance)
	means := cue.MeanByCategory(people...)
	for category, mean := range want.BoxPlot {
		c.near("mean shape bias of "+category, means[code(t, category)], mean, tolerance)
	}
	for i, number := range pooled.Order() {
		c.near("place "+want.Order[i], float64(number), float64(code(t, want.Order[i])), 0)
	}
	c.done(len(want.Makers))
}

func TestGoldenCueConflictSubsets(t *testing.T) {
	files := golden.Files(t, "humans/golden", "cue_conflict_*.json")
	c := &checks{t: t}
	for _, file := range files {
		want := golden.JSON[struct {
			Images    []string
			Observers map[string]cueCounts
			Kappa     map[string]float64 `json:"mean_kappa_to_humans"`
		}](t, file)
		rows := slices.DeleteFunc(trials(t, "cue-conflict", "human", "models-2019"), func(row trial.Trial) bool {
			return !slices.Contains(want.Images, byImage(row))
		})
		for observer, w := range want.Observers {
			c.where = filepath.Base(file) + " " + observer
			d := decisions(t, rows, observer)
			c.near("number of trials", float64(d.Stimuli), float64(w.N), 0)
			c.near("number of shapes", float64(d.Shape), float64(w.Shape), 0)
			c.near("number of textures", float64(d.Texture), float64(w.Texture), 0)
			c.near("shape bias", d.ShapeBias(), *w.ShapeBias, tolerance)
		}
		part := tableOf(t, rows, byImage)
		m := part.matrix(t, part.Observers)
		for observer, kappa := range want.Kappa {
			c.where = filepath.Base(file) + " " + observer
			got := m.With(part.observer(observer), part.persons(), agreement.Pair.ErrorConsistency)
			c.near("mean kappa to people", got, kappa, tolerance)
		}
	}
	c.done(len(files))
}

func TestGoldenExperiments2019(t *testing.T) {
	want := golden.JSON[map[string]map[string]cueCounts](t, golden.Files(t, "humans/golden", "human_2019_and_models.json")[0])
	c := &checks{t: t}
	for experiment, observers := range want {
		rows := trials(t, experiment, "human-2019", "models-2019")
		for observer, w := range observers {
			c.where = experiment + " " + observer
			own := slices.DeleteFunc(slices.Clone(rows), func(row trial.Trial) bool {
				return row.Observer != observer && !(observer == "humans" && person(row.Observer))
			})
			right := 0
			for _, row := range own {
				if row.Correct {
					right++
				}
			}
			c.near("number of trials", float64(len(own)), float64(w.N), 0)
			c.near("accuracy", float64(right)/float64(len(own)), *w.Accuracy, sixDecimals)
			if w.Conflict == nil {
				continue
			}
			d := decisions(t, own, observer)
			c.near("number of conflicts", float64(d.Conflicts), float64(*w.Conflict), 0)
			c.near("number of shapes", float64(d.Shape), float64(w.Shape), 0)
			c.near("number of textures", float64(d.Texture), float64(w.Texture), 0)
			c.near("shape bias", d.ShapeBias(), *w.ShapeBias, sixDecimals)
		}
	}
	c.done(len(want))
}

var measures = map[string]func(agreement.Pair) float64{
	"accuracy difference":  agreement.Pair.AccuracyDifference,
	"observed consistency": agreement.Pair.Observed,
	"error consistency":    agreement.Pair.ErrorConsistency,
}

func TestGoldenBenchmark(t *testing.T) {
	for _, file := range golden.Files(t, "humans/golden", "benchmark_synthetic_*.json") {
		want := golden.JSON[benchmark](t, file)
		c := &checks{t: t}
		tables := map[string]table{}
		for dataset := range want.PerDataset {
			tables[dataset] = tableOf(t, trials(t, dataset, "human", "models-synthetic"), byImage)
		}
		c.averages(want, tables)
		c.accuracies(want, tables)
		c.lines(want, tables)
		c.ranks(want)
		c.done(len(want.PerDataset))
	}
}

type benchmark struct {
	Excluded   map[string][]string
	Formatted  []map[string]any
	Accuracy   map[string]float64                                  `json:"ood_accuracy"`
	PerDataset map[string]map[string]map[string]float64            `json:"per_dataset"`
	Accuracies map[string]map[string]float64                       `json:"per_dataset_ood_accuracy"`
	Lines      map[string]map[string]map[string]map[string]float64 `json:"lineplots"`
	LaTeX      map[string]string
}

// kept returns the conditions that count in the benchmark.
func (b benchmark) kept(dataset string, s table) []string {
	return slices.DeleteFunc(slices.Clone(s.Conditions), func(c string) bool {
		return slices.ContainsFunc(b.Excluded[dataset], func(excluded string) bool { return sameCondition(excluded) == c })
	})
}

// plotted is the name under which the golden file plots an observer: synth_a is Synth A.
func plotted(observer string) string {
	if observer == "humans" {
		return observer
	}
	return "Synth " + strings.ToUpper(strings.TrimPrefix(observer, "synth_"))
}

func (c *checks) averages(want benchmark, tables map[string]table) {
	for name, measure := range measures {
		cells := map[string][]agreement.Cell{}
		for dataset, s := range tables {
			for _, condition := range want.kept(dataset, s) {
				m := s.of(condition).matrix(c.t, s.Observers)
				for i, a := range s.Observers {
					for j, b := range s.Observers[:i] {
						cell := agreement.Cell{Dataset: dataset, Condition: condition, Value: measure(m.At(i, j))}
						switch {
						case person(a) && person(b):
							cell.Partner = a + " " + b
							cells["humans"] = append(cells["humans"], cell)
						case person(a):
							cell.Partner = a
							cells[b] = append(cells[b], cell)
						case person(b):
							cell.Partner = b
							cells[a] = append(cells[a], cell)
						}
					}
				}
			}
		}
		for observer, list := range cells {
			got, err := agreement.Average(list)
			if err != nil {
				c.t.Fatal(err)
			}
			for _, d := range got.Datasets {
				c.where = observer + " on " + d.Dataset
				c.near(name, d.Value, want.PerDataset[d.Dataset][observer][name], tolerance)
			}
			for _, row := range want.Formatted {
				if row["plotting_name"] == plotted(observer) {
					c.where = observer
					c.near(name, got.Value, row[name].(float64), tolerance)
				}
			}
		}
	}
}

func (c *checks) groups(s table) map[string][]int {
	groups := map[string][]int{"humans": s.persons()}
	for i, o := range s.Observers {
		if !person(o) {
			groups[o] = []int{i}
		}
	}
	return groups
}

func (c *checks) accuracies(want benchmark, tables map[string]table) {
	sums := map[string]float64{}
	for dataset, s := range tables {
		var stimuli []int
		for _, condition := range want.kept(dataset, s) {
			stimuli = append(stimuli, s.Where(slices.Index(s.Conditions, condition))...)
		}
		kept := table{s.Select(stimuli)}
		for group, observers := range c.groups(s) {
			c.where = group + " on " + dataset
			accuracy := kept.confusion(c.t, observers...).Accuracy()
			c.near("accuracy", accuracy, want.Accuracies[dataset][plotted(group)], tolerance)
			sums[group] += accuracy
		}
	}
	for group, sum := range sums {
		c.where = group
		c.near("accuracy", sum/float64(len(tables)), want.Accuracy[plotted(group)], tolerance)
	}
}

func (c *checks) lines(want benchmark, tables map[string]table) {
	for dataset, lines := range want.Lines {
		s := tables[dataset]
		for group, observers := range c.groups(s) {
			for condition, accuracy := range lines["accuracy"][plotted(group)] {
				c.where = group + " on " + dataset + " " + condition
				part := s.of(condition)
				c.near("accuracy", part.confusion(c.t, observers...).Accuracy(), accuracy, tolerance)
				entropy, kappa := 0.0, 0.0
				m := part.matrix(c.t, part.Observers)
				for _, o := range observers { // people: each with the others
					entropy += part.confusion(c.t, o).ResponseEntropy() / float64(len(observers))
					kappa += m.With(o, part.persons(), agreement.Pair.ErrorConsistency) / float64(len(observers))
				}
				c.near("entropy", entropy, lines["entropy"][plotted(group)][condition], tolerance)
				c.near("error consistency", kappa, lines["error_consistency"][plotted(group)][condition], tolerance)
			}
		}
	}
}

// ranks are in the LaTeX tables, to three decimals.
func (c *checks) ranks(want benchmark) {
	var names []string
	values := map[string][]float64{}
	for _, row := range want.Formatted {
		if row["plotting_name"] == "humans" {
			continue
		}
		names = append(names, row["plotting_name"].(string))
		for name := range measures {
			values[name] = append(values[name], row[name].(float64))
		}
	}
	means, err := agreement.MeanRanks(values["accuracy difference"], values["observed consistency"], values["error consistency"])
	if err != nil {
		c.t.Fatal(err)
	}
	for _, line := range strings.Split(want.LaTeX["benchmark_table_humanlike.tex"], "\n") {
		cells := strings.Split(line, "&")
		i := slices.Index(names, strings.TrimSpace(cells[0]))
		if i < 0 {
			continue
		}
		text := strings.Trim(strings.NewReplacer(`\textbf{`, "", "}", "", `\\`, "").Replace(cells[len(cells)-1]), " ")
		rank, err := strconv.ParseFloat(text, 64)
		if err != nil {
			c.t.Fatal(err)
		}
		c.where = names[i]
		c.near("mean rank", means[i], rank, 0.0005)
	}
}
