package degrade

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Manipulation is one way to degrade images, with its place in the published experiments.
type Manipulation struct {
	Name      string   // of the data set, such as "low-pass"
	Short     string   // another name for it, such as "lowpass"; "" where it has none
	Code      string   // in the names of stimulus files, such as "lp"
	Levels    []string // those of the published experiment, in its order
	Axis      string   // what the levels measure
	Random    bool     // whether it draws random numbers
	Published bool     // whether people were shown it

	law   func(j *job) (*Values, error)
	check func(level string) error
}

// All lists the manipulations: the twelve of the published experiments, and further ones.
var All = []Manipulation{
	{Name: "colour", Published: true, Code: "cl", Levels: []string{"cr", "bw"}, Axis: "Colour", law: colour, check: oneOf("cr", "bw")},
	{Name: "contrast", Published: true, Code: "cop", Levels: []string{"c100", "c50", "c30", "c15", "c10", "c05", "c03", "c01"},
		Axis: "Contrast in percent", law: contrast, check: percent},
	{Name: "high-pass", Published: true, Short: "highpass", Code: "hp", Levels: []string{"inf", "3", "1.5", "1", "0.7", "0.55", "0.45", "0.4"},
		Axis: "Filter standard deviation", law: highPass, check: oneOrNumber("inf", 0, mostSigma)},
	{Name: "low-pass", Published: true, Short: "lowpass", Code: "lp", Levels: []string{"0", "1", "3", "5", "7", "10", "15", "40"},
		Axis: "Filter standard deviation", law: lowPass, check: number(0, mostSigma)},
	{Name: "phase-scrambling", Published: true, Short: "phase", Code: "ps", Levels: phaseLevels, Axis: "Phase noise width [deg]", Random: true,
		law: phaseNoise, check: number(0, 180)},
	{Name: "power-equalisation", Published: true, Short: "power", Code: "pow", Levels: []string{"0", "pow"}, Axis: "Power spectrum",
		law: powerEqualisation, check: oneOf("0", "pow")},
	{Name: "false-colour", Published: true, Short: "opponent", Code: "fc", Levels: []string{"true", "false"}, Axis: "Colour",
		law: falseColour, check: oneOf("true", "false")},
	{Name: "rotation", Published: true, Code: "rot", Levels: []string{"0", "90", "180", "270"}, Axis: "Rotation angle [deg]",
		law: rotation, check: oneOf("0", "90", "180", "270")},
	{Name: "eidolonI", Published: true, Code: "eid", Levels: reaches("10-10"), Axis: reachAxis, Random: true, law: flatEidolon, check: checkEidolon},
	{Name: "eidolonII", Published: true, Code: "eid", Levels: reaches("3-10"), Axis: reachAxis, Random: true, law: flatEidolon, check: checkEidolon},
	{Name: "eidolonIII", Published: true, Code: "eid", Levels: reaches("0-10"), Axis: reachAxis, Random: true, law: flatEidolon, check: checkEidolon},
	{Name: "uniform-noise", Published: true, Short: "noise", Code: "nse",
		Levels: []string{"0.00", "0.03", "0.05", "0.10", "0.20", "0.35", "0.60", "0.90"}, Axis: "Uniform noise width", Random: true,
		law: uniformNoise, check: number(0, 1e6)},
	// The rest: salt and pepper served training alone, and the others mend what the reference does otherwise than it is described.
	{Name: "salt-and-pepper", Short: "saltpepper", Code: "sp", Levels: []string{"0.0", "0.1", "0.2", "0.35", "0.5", "0.65", "0.8", "0.95"},
		Axis: "Share of pixels replaced", Random: true, law: saltAndPepper, check: number(0, 1)},
	{Name: "phase-symmetric", Code: "pss", Levels: phaseLevels, Axis: "Phase noise width [deg]", Random: true,
		law: symmetricPhaseNoise, check: number(0, 180)},
	{Name: "eidolonI-2d", Code: "eidd", Levels: reaches("10-10"), Axis: reachAxis, Random: true, law: trueEidolon, check: checkEidolon},
	{Name: "eidolonII-2d", Code: "eidd", Levels: reaches("3-10"), Axis: reachAxis, Random: true, law: trueEidolon, check: checkEidolon},
	{Name: "eidolonIII-2d", Code: "eidd", Levels: reaches("0-10"), Axis: reachAxis, Random: true, law: trueEidolon, check: checkEidolon},
}

const (
	reachAxis = "Log2 of 'reach' parameter"
	mostSigma = 1000 // pixels; far beyond any image that is degraded
)

var phaseLevels = []string{"0", "30", "60", "90", "120", "150", "180"}

// reaches lists the levels r-<rest> for r = 1, 2, 4, ..., 128.
func reaches(rest string) []string {
	var levels []string
	for r := 1; r <= 128; r *= 2 {
		levels = append(levels, fmt.Sprintf("%d-%s", r, rest))
	}
	return levels
}

// Names lists the manipulations' names.
func Names() []string {
	names := make([]string, len(All))
	for i, m := range All {
		names[i] = m.Name
	}
	return names
}

// ByName finds a manipulation by its name or its short name.
func ByName(name string) (Manipulation, bool) {
	for _, m := range All {
		if m.Name == name || m.Short != "" && m.Short == name {
			return m, true
		}
	}
	return Manipulation{}, false
}

// Check reports an error for a level that the manipulation does not know. Levels that are numbers may be other ones than the published.
func (m Manipulation) Check(level string) error {
	if m.check == nil {
		return fmt.Errorf("degrade: %q is not one of the manipulations of All", m.Name)
	}
	if strings.Contains(level, "_") { // Go's numbers may hold one, parts of file names may not
		return fmt.Errorf("degrade: %s: level %q: expected no underscore", m.Name, level)
	}
	if err := m.check(level); err != nil {
		return fmt.Errorf("degrade: %s: level %q: %w", m.Name, level, err)
	}
	return nil
}

func oneOf(known ...string) func(string) error {
	return func(level string) error {
		for _, k := range known {
			if level == k {
				return nil
			}
		}
		return fmt.Errorf("expected %s", strings.Join(known, " or "))
	}
}

func number(low, high float64) func(string) error {
	return func(level string) error {
		if v, err := strconv.ParseFloat(level, 64); err != nil || !(v >= low && v <= high) {
			return fmt.Errorf("expected a number in %g..%g", low, high)
		}
		return nil
	}
}

func oneOrNumber(word string, above, high float64) func(string) error {
	return func(level string) error {
		if level == word {
			return nil
		}
		if v, err := strconv.ParseFloat(level, 64); err != nil || !(v > above && v <= high) {
			return fmt.Errorf("expected %s or a number above %g, at most %g", word, above, high)
		}
		return nil
	}
}

func percent(level string) error {
	digits, ok := strings.CutPrefix(level, "c")
	if err := number(0, 100)(digits); !ok || err != nil {
		return fmt.Errorf("expected c and a percentage, such as c30")
	}
	return nil
}

// amount is the level as a number; check made sure that it is one.
func (j *job) amount() float64 {
	v, err := strconv.ParseFloat(j.level, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
