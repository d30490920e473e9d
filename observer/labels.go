package observer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Truth finds the output that a category of the data means.
type Truth map[string]int

// MatchLabels maps the data's categories to a model's outputs. A category is a class name, a synonym or a WordNet id of classes, or a
// whole number: the position in order, or where order is nil, in the model's own classes (a background class not counted).
// Categories that mean no output are listed in one error.
func MatchLabels(categories []string, classes, order *Classes) (Truth, error) {
	truth := make(Truth, len(categories))
	var strange []string
	named := 0
	for _, category := range categories {
		if category == "" {
			continue
		}
		named++
		output, ok := classes.Output(category)
		if !ok {
			output, ok = numbered(category, classes, order)
		}
		if !ok {
			strange = append(strange, category)
			continue
		}
		truth[category] = output
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return nil, fmt.Errorf("observer: %d of %d categories of the data are not among the %d classes of the model: %s; the classes (%s) are %s",
			len(strange), named, classes.Len(), list(strange, 10), classes.Origin, list(classes.names, 10))
	}
	return truth, nil
}

func numbered(category string, classes, order *Classes) (int, bool) {
	i, err := strconv.Atoi(category)
	if err != nil || i < 0 {
		return 0, false
	}
	if order != nil {
		if i >= order.Len() {
			return 0, false
		}
		return classes.Output(order.Name(i))
	}
	if classes.Background {
		i++
	}
	return i, i < classes.Len()
}

// list prints names in quotes, cut with a count beyond most.
func list(names []string, most int) string {
	quoted := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		quoted = append(quoted, strconv.Quote(name))
	}
	text := strings.Join(quoted, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}
