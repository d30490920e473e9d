package corruption

import (
	"visus/measure/calibration"
	"visus/measure/confusion"
	"visus/measure/proportion"
)

// Findings are what an examination found: findings.json. Accuracies and errors are fractions of the images, 0..1; scores named mCE are in
// percent. Intervals have a confidence level of 95 %. A number that cannot be given is null.
type Findings struct {
	Study       string             `json:"study"`
	Visus       string             `json:"visus"`
	Engine      string             `json:"engine"`
	Basis       Basis              `json:"basis"`
	Stimuli     int                `json:"stimuli"`
	Classes     int                `json:"classes"`
	Trials      int                `json:"trials"`
	Conditions  []string           `json:"conditions"`
	Corruptions []string           `json:"corruptions"`
	Severities  []int              `json:"severities"`
	Observers   []ObserverFindings `json:"observers"`
	Comparisons []Comparison       `json:"comparisons"`
	Lost        []Lost             `json:"unreadable"`
	Warnings    []string           `json:"warnings"`
	Config      Config             `json:"config"`
}

// Basis says what counts as right.
type Basis string

// With labels an answer is right where it is the label; without, where it is the observer's own answer to the clean image.
const (
	Accuracy  Basis = "accuracy"
	Agreement Basis = "agreement with the clean answer"
)

// ObserverFindings are one observer's results.
type ObserverFindings struct {
	Name        string            `json:"name"`
	Model       string            `json:"model"`
	Method      string            `json:"adaptation"` // "" for the model as it is
	Clean       *Score            `json:"clean"`
	Conditions  []ConditionScore  `json:"conditions"`
	Corruptions []CorruptionScore `json:"corruptions"`
	Groups      []GroupScore      `json:"groups"`

	// MeanError is the mean over the corruptions that count (the 15 without the extras where any of them was shown) of the mean error over severities; its interval
	// is a bootstrap over images.
	MeanError proportion.Estimate `json:"mean_corruption_error"`
	// MCE and RelativeMCE, in percent of AlexNet's, are given for ImageNet's 1,000 classes, all 15 corruptions and all severities alone.
	MCE         *float64 `json:"mce"`
	MCE5000     *float64 `json:"mce_robustbench"`
	RelativeMCE *float64 `json:"relative_mce"`

	Changes []Change `json:"changes"` // of an adapted model, by condition

	Classes            []ClassScore      `json:"classes"`
	Confusions         []confusion.Pair  `json:"confusions"` // under corruption, most frequent first
	CleanReliability   []calibration.Bin `json:"clean_reliability"`
	CorruptReliability []calibration.Bin `json:"corrupt_reliability"`
	matrix             *confusion.Matrix
	perImage           []float64 // mean error of each image over the corruptions that count, weighted as MeanError is; NaN where never shown
}

// Score is how well the images of one or several conditions are named.
type Score struct {
	Images       int                 `json:"images"`
	Accuracy     proportion.Estimate `json:"accuracy"`      // or agreement, see Basis
	Top5         float64             `json:"top5_accuracy"` // NaN without labels and below six classes
	CrossEntropy float64             `json:"cross_entropy"` // nats; NaN without labels
	ECE          float64             `json:"expected_calibration_error"`
	Confidence   float64             `json:"mean_confidence"`
}

// Error returns the share of wrong answers.
func (s Score) Error() float64 { return 1 - s.Accuracy.Value }

// ConditionScore is the score under one condition.
type ConditionScore struct {
	Condition  string `json:"condition"`
	Corruption string `json:"corruption"`
	Severity   int    `json:"severity"`
	Score
}

// CorruptionScore is the mean over the severities of one corruption.
type CorruptionScore struct {
	Corruption string              `json:"corruption"`
	Group      string              `json:"group"`
	MeanError  proportion.Estimate `json:"mean_error"`
	CE         *float64            `json:"corruption_error"` // percent of AlexNet's, where MCE is given
}

// GroupScore is the mean error over the corruptions of a group.
type GroupScore struct {
	Group     string  `json:"group"`
	MeanError float64 `json:"mean_error"`
}

// ClassScore says how one class fares.
type ClassScore struct {
	Class     string               `json:"class"`
	Images    int                  `json:"images"`
	Clean     *proportion.Estimate `json:"clean_accuracy"`
	Corrupted proportion.Estimate  `json:"corrupted_accuracy"`
	Worst     string               `json:"worst_corruption"`
	WorstMean float64              `json:"worst_corruption_accuracy"`
	ByGroup   map[string]float64   `json:"accuracy_by_group"`
	TakenFor  string               `json:"most_often_taken_for"` // under corruption; "" where never wrong
}

// Drop returns the accuracy that corruption costs; where no clean images were shown, the error under corruption.
func (c ClassScore) Drop() float64 {
	if c.Clean == nil {
		return 1 - c.Corrupted.Value
	}
	return c.Clean.Value - c.Corrupted.Value
}

// Comparison is a difference between two observers on the same images.
type Comparison struct {
	A          string  `json:"a"`
	B          string  `json:"b"`
	Difference float64 `json:"difference"` // of mean corruption errors, A - B: negative where A is more robust
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	P          float64 `json:"p"`                // two-sided, bootstrap over images
	CleanP     float64 `json:"clean_p"`          // exact McNemar test on the clean images
	Rank       float64 `json:"rank_correlation"` // Spearman, over the conditions: do both find the same corruptions hard?
}

// Lost is a stimulus that could not be shown.
type Lost struct {
	Stimulus  string `json:"stimulus"`
	Condition string `json:"condition"`
	Reason    string `json:"reason"`
}
