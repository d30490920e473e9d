package humans

import (
	"visus/measure/bootstrap"
	"visus/measure/proportion"
)

// Findings are what the study found, as findings.json holds them. Numbers that are not known are null.
type Findings struct {
	Visus      string            `json:"visus"`
	Study      string            `json:"study"`
	Options    Options           `json:"options"`
	Warnings   []string          `json:"warnings,omitempty"`
	Shown      []string          `json:"models_shown_here,omitempty"` // rather than read from trials
	Verdicts   []Verdict         `json:"verdicts"`
	Benchmarks []Benchmark       `json:"benchmarks"`
	Datasets   []DatasetFindings `json:"datasets"`
}

// Interval is a number with its 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// people is the name of the group in tables, where the field says humans.
const people = "humans"

// Score says how an observer, or people as a group, does on the same images.
type Score struct {
	Observer           string   `json:"observer"`
	People             bool     `json:"people,omitempty"` // the group: means over persons, and over pairs of different persons
	Accuracy           Interval `json:"accuracy"`
	AccuracyDifference Interval `json:"accuracy_difference"` // squared, to people
	Observed           Interval `json:"observed_consistency"`
	ErrorConsistency   Interval `json:"error_consistency"`
	Entropy            float64  `json:"response_entropy_bits"`
	Unanswered         int      `json:"unanswered"`
	Unstable           bool     `json:"unstable,omitempty"` // κ says little: an accuracy below 0.1, or almost all agreement is by chance
}

// LevelFindings are the scores under one condition.
type LevelFindings struct {
	Condition string  `json:"condition"`
	Label     string  `json:"label"`
	LeftOut   bool    `json:"left_out_of_benchmark,omitempty"`
	Images    int     `json:"images"`
	Scores    []Score `json:"scores"` // people first, then models
	// Independent is where κ lies of two observers who are as accurate as people and err independently of each other.
	Independent Interval `json:"error_consistency_of_independent_observers"`
}

// DatasetFindings are what was found on one data set.
type DatasetFindings struct {
	Name        string          `json:"dataset"`
	Axis        string          `json:"axis,omitempty"`
	Images      int             `json:"images"`
	Others      int             `json:"images_not_seen_by_all"`
	Persons     []string        `json:"persons"`
	Models      []string        `json:"models"`
	Levels      []LevelFindings `json:"levels"`
	Scores      []Score         `json:"scores"` // over the levels that are not left out
	Consistency *Consistency    `json:"consistency,omitempty"`
	ClassErrors *ClassErrors    `json:"class_errors,omitempty"`
	Confusions  []Confusion     `json:"confusions"`
	Cues        *Cues           `json:"cues,omitempty"`
	Apart       []Alone         `json:"people_with_other_images,omitempty"`
}

// Consistency holds κ of all pairs of observers on all images of a data set.
type Consistency struct {
	Observers []string     `json:"observers"` // people first
	People    int          `json:"people"`
	Kappa     [][]Interval `json:"error_consistency"`
	Unstable  [][]bool     `json:"unstable"`
	// Means over pairs of persons, of models, and of each model with people.
	AmongPeople float64 `json:"mean_among_people"`
	AmongModels float64 `json:"mean_among_models"`
}

// ClassErrors says how observers distribute their errors over the categories: divergences of Jensen and Shannon in bits, means over pairs.
type ClassErrors struct {
	AmongPeople float64      `json:"mean_among_people"`
	AmongModels float64      `json:"mean_among_models"`
	Across      float64      `json:"mean_people_and_models"`
	Models      []ClassError `json:"models"`
}

// ClassError is one model's mean over people.
type ClassError struct {
	Model             string  `json:"model"`
	JensenShannonBits float64 `json:"jensen_shannon_bits"`
	SquaredDistance   float64 `json:"squared_distance"`
}

// Confusion is a confusion matrix in percent of the category shown; its first row is no answer.
type Confusion struct {
	Observer           string      `json:"observer"`
	Categories         []string    `json:"categories"`
	Percent            [][]float64 `json:"percent"`
	ConditionalEntropy float64     `json:"conditional_entropy_bits"`
	Differences        []Cell      `json:"differences_to_people,omitempty"` // those that chance does not explain
	counts             [][]int
}

// Cell is an entry of a confusion matrix that differs from people's.
type Cell struct {
	Shown    string  `json:"shown"`
	Response string  `json:"response"` // "" for no answer
	Percent  float64 `json:"percentage_points"`
	P        float64 `json:"p"`
	Stars    int     `json:"stars"`
}

// Cues are the decisions for shape or texture.
type Cues struct {
	Order     []string `json:"categories_by_texture_bias_of_people"` // from the smallest to the largest
	Observers []Cue    `json:"observers"`                            // people pooled, each person, then models
}

// Cue is one observer's decisions.
type Cue struct {
	Observer   string    `json:"observer"`
	Person     bool      `json:"person,omitempty"`
	Stimuli    int       `json:"images"`
	Conflicts  int       `json:"conflicts"`
	Shape      int       `json:"shape"`
	Texture    int       `json:"texture"`
	Bias       Interval  `json:"shape_bias"`
	Categories []float64 `json:"shape_bias_by_category"` // in the order of the data set's categories
	Box        []float64 `json:"shape_bias_by_category_of_box_plot"`
}

// Alone is the accuracy of an observer whose images nobody else saw.
type Alone struct {
	Observer  string   `json:"observer"`
	Condition string   `json:"condition"`
	Trials    int      `json:"trials"`
	Accuracy  Interval `json:"accuracy"`
}

// Benchmark compares the models that answered all of some data sets.
type Benchmark struct {
	Datasets []string `json:"datasets"`
	Rows     []Row    `json:"rows"` // by mean rank, people last
}

// Row is one model's line of the benchmark, or people's, who have no rank.
type Row struct {
	Score
	Name         string     `json:"name"` // as tables show it
	MeanRank     float64    `json:"mean_rank"`
	AccuracyRank float64    `json:"accuracy_rank"`
	Gap          Difference `json:"error_consistency_below_people"` // of people among themselves minus that with the model
	Best         Difference `json:"error_consistency_below_best"`   // of the best model minus this one's
}

// Difference is an interval with the p value of there being none.
type Difference struct {
	Interval
	P float64 `json:"p"`
}

// Verdict says in one sentence whether a model errs like people.
type Verdict struct {
	Model            string   `json:"model"`
	Datasets         []string `json:"datasets"`
	Kind             string   `json:"kind"` // like people, partly, by chance, or undecided
	ErrorConsistency Interval `json:"error_consistency"`
	People           Interval `json:"error_consistency_of_people"`
	Text             string   `json:"text"`
}

func interval(i bootstrap.Interval) Interval { return Interval{i.Value, i.Low, i.High} }

func estimate(e proportion.Estimate) Interval { return Interval{e.Value, e.Low, e.High} }
