package session

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"visus/stimulus"
	"visus/stimulus/corrupt"
)

// Clean is the name of the condition without a corruption.
const Clean = "clean"

// Condition is one way in which the stimuli are shown.
type Condition struct {
	Name       string
	Source     stimulus.Source
	Corruption corrupt.Corruption // made on demand where Made is set; else the data are recorded under it
	Severity   int                // 0: none
	Made       bool
}

// conditions lists what is shown: the data as they are, then, where they are clean, every corruption at every severity.
// A data set that is already corrupted is shown as it is.
func conditions(set *stimulus.Collection, o Options) ([]Condition, error) {
	if len(set.Conditions) != 1 || set.Conditions[0].Name != Clean {
		return recorded(set, o)
	}
	clean := set.Conditions[0].Source
	all := []Condition{{Name: Clean, Source: clean}}
	corruptions, err := Corruptions(o.Corruptions)
	if err != nil {
		return nil, err
	}
	severities, err := severities(o.Severities)
	if err != nil {
		return nil, err
	}
	for _, c := range corruptions {
		for _, s := range severities {
			all = append(all, Condition{Name: ConditionName(c.Name, s), Source: clean, Corruption: c, Severity: s, Made: true})
		}
	}
	return all, nil
}

// recorded lists the conditions of a set that is corrupted on disk, those that the options name.
func recorded(set *stimulus.Collection, o Options) ([]Condition, error) {
	wanted := map[string]bool{}
	for _, name := range o.Corruptions {
		wanted[name] = true
	}
	severities, err := severities(o.Severities)
	if err != nil {
		return nil, err
	}
	var all []Condition
	for _, c := range set.Conditions {
		name, severity := SplitCondition(c.Name)
		known, _ := corrupt.ByName(name)
		if severity > 0 && (len(wanted) > 0 && !wanted[name] || !slices.Contains(severities, severity)) {
			continue
		}
		all = append(all, Condition{Name: c.Name, Source: c.Source, Corruption: known, Severity: severity})
		if n := all[0].Source.Len(); c.Len() != n {
			return nil, fmt.Errorf("session: %s: condition %s has %d images, %s has %d; expected the same images under every condition", set.Path, c.Name, c.Len(), all[0].Name, n)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("session: %s holds none of the corruptions and severities asked for", set.Path)
	}
	return all, nil
}

// ConditionName writes "fog-3".
func ConditionName(corruption string, severity int) string {
	return corruption + "-" + strconv.Itoa(severity)
}

// SplitCondition reads "fog-3"; the severity is 0 where the name has none.
func SplitCondition(name string) (string, int) {
	at := strings.LastIndexByte(name, '-')
	if at < 0 {
		return name, 0
	}
	severity, err := strconv.Atoi(name[at+1:])
	if err != nil || severity < 1 {
		return name, 0
	}
	return name[:at], severity
}

// Corruptions finds corruptions by name, or by the name of a group; no names mean all, the name clean alone means none.
func Corruptions(names []string) ([]corrupt.Corruption, error) {
	if len(names) == 0 {
		return corrupt.All, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		found := name == Clean // shown anyway; alone it asks for no corruption
		for _, c := range corrupt.All {
			if c.Name == name || string(c.Group) == name {
				wanted[c.Name], found = true, true
			}
		}
		if !found {
			known := make([]string, len(corrupt.All))
			for i, c := range corrupt.All {
				known[i] = c.Name
			}
			return nil, fmt.Errorf("corruption %q is none of %s, nor a group (noise, blur, weather, digital, extra)", name, strings.Join(known, ", "))
		}
	}
	var chosen []corrupt.Corruption
	for _, c := range corrupt.All {
		if wanted[c.Name] {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}

func severities(wanted []int) ([]int, error) {
	if len(wanted) == 0 {
		return []int{1, 2, 3, 4, 5}, nil
	}
	for _, s := range wanted {
		if s < 1 || s > corrupt.Severities {
			return nil, fmt.Errorf("severity %d is outside 1..%d", s, corrupt.Severities)
		}
	}
	return wanted, nil
}

// ParseSeverities reads "3", "1-5", "1,3,5" and mixtures; "" is all.
func ParseSeverities(text string) ([]int, error) {
	var all []int
	for _, part := range strings.Split(text, ",") {
		if text == "" {
			break
		}
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err != nil || err2 != nil || from > to {
			return nil, fmt.Errorf("severity %q is not a number or a range such as 1-5", part)
		}
		if from < 1 || to > corrupt.Severities {
			return nil, fmt.Errorf("severity %s is outside 1..%d", part, corrupt.Severities)
		}
		for s := from; s <= to; s++ {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return severities(all)
}
