package humans

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"visus/trial"
)

// Dataset is what is known of an experiment: one of the 17 of Geirhos et al. (2021), "Partial success in closing the gap between human and
// machine vision" (arXiv 2106.07411), or one of the reader's own, whose conditions are those of its trials.
type Dataset struct {
	Name   string
	Axis   string  // what the levels are levels of; "" where there is one condition
	Levels []Level // in order; none where there is one condition
}

// Level is a condition with the label that plots give it. The benchmark leaves out what is not distorted, and what people hardly recognise
// (mean accuracy below 0.2).
type Level struct {
	Condition string // as trial.ConditionKey writes it
	Label     string
	LeftOut   bool
}

// published are the 17 data sets, in the order in which they are shown. Lists hold condition=label, the label where it differs; those of the
// second list are left out.
var published = func() []Dataset {
	eidolon := "1-N-10=0 2-N-10=1 4-N-10=2 8-N-10=3 16-N-10=4 32-N-10=5 64-N-10=6 128-N-10=7"
	reach, sigma := "Log2 of 'reach' parameter", "Filter standard deviation"
	return []Dataset{
		dataset("colour", "Colour", "cr=colour bw=greyscale", "cr"),
		dataset("contrast", "Contrast in percent", "c100=100 c50=50 c30=30 c15=15 c10=10 c05=5 c03=3 c01=1", "c100 c03 c01"),
		dataset("high-pass", sigma, "inf 3 1.5 1 0.7 0.55 0.45 0.4", "inf 0.55 0.45 0.4"),
		dataset("low-pass", sigma, "0 1 3 5 7 10 15 40", "0 15 40"),
		dataset("phase-scrambling", "Phase noise width [deg]", "0 30 60 90 120 150 180", "0 150 180"),
		dataset("power-equalisation", "Power spectrum", "0=original pow=equalised", "0"),
		dataset("false-colour", "Colour", "true=true false=opponent", "true"),
		dataset("rotation", "Rotation angle [deg]", "0 90 180 270", "0"),
		dataset("eidolonI", reach, strings.ReplaceAll(eidolon, "N", "10"), "1-10-10 64-10-10 128-10-10"),
		dataset("eidolonII", reach, strings.ReplaceAll(eidolon, "N", "3"), "1-3-10 32-3-10 64-3-10 128-3-10"),
		dataset("eidolonIII", reach, strings.ReplaceAll(eidolon, "N", "0"), "1-0-10 16-0-10 32-0-10 64-0-10 128-0-10"),
		dataset("uniform-noise", "Uniform noise width", "0 0.03 0.05 0.1 0.2 0.35 0.6 0.9", "0 0.6 0.9"),
		dataset("edge", "", "", ""),
		dataset("silhouette", "", "", ""),
		dataset("cue-conflict", "", "", ""),
		dataset("sketch", "", "", ""),
		dataset("stylized", "", "", ""),
	}
}()

func dataset(name, axis, levels, leftOut string) Dataset {
	d := Dataset{Name: name, Axis: axis}
	for _, text := range strings.Fields(levels) {
		condition, label, named := strings.Cut(text, "=")
		if !named {
			label = condition
		}
		left := slices.Contains(strings.Fields(leftOut), condition)
		d.Levels = append(d.Levels, Level{conditionKey(condition), label, left})
	}
	return d
}

// conditionKey is trial.ConditionKey, where NaN and nothing mean the one condition of a data set, which people's tables call 0.
func conditionKey(condition string) string {
	switch key := trial.ConditionKey(condition); key {
	case "nan", "":
		return "0"
	default:
		return key
	}
}

// describe returns the published data set, or one of conditions found in trials: numbers by size, texts in their order behind them. Conditions
// that the published one does not have are added to it.
func describe(name string, found []string) Dataset {
	d := Dataset{Name: name}
	if i := slices.IndexFunc(published, func(p Dataset) bool { return p.Name == name }); i >= 0 {
		d = published[i]
		d.Levels = slices.Clone(d.Levels)
	}
	added := slices.DeleteFunc(slices.Clone(found), func(condition string) bool {
		return slices.ContainsFunc(d.Levels, func(l Level) bool { return l.Condition == condition })
	})
	if len(d.Levels) == 0 && len(added) == 1 {
		return d
	}
	slices.SortStableFunc(added, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	for _, condition := range added {
		d.Levels = append(d.Levels, Level{Condition: condition, Label: condition})
	}
	if d.Axis == "" {
		d.Axis = "condition"
	}
	return d
}

// number is beyond all numbers for texts.
func number(condition string) float64 {
	v, err := strconv.ParseFloat(condition, 64)
	if err != nil {
		return math.Inf(1)
	}
	return v
}

// place is the data set's position among the published ones; others come behind them.
func place(name string) int {
	i := slices.IndexFunc(published, func(d Dataset) bool { return d.Name == name })
	if i < 0 {
		return len(published)
	}
	return i
}

// hasCues says whether the images of a data set have the shape of one category and the texture of another.
func hasCues(dataset string) bool { return strings.HasPrefix(dataset, "cue-conflict") }
