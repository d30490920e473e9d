package graph

import (
	"fmt"
	"slices"
	"strings"
)

// EinsumTerms reads the equation of an Einsum with inputs of the given ranks: one byte for each axis of each input and of the output, equal
// bytes for axes that run together. Axes are letters; those of an ellipsis are digits, '9' the last of them, as they broadcast. Without an arrow
// the output has the ellipsis and the letters that occur once, in alphabetical order. It reports an error where the equation and the ranks
// do not fit, and for an axis of the output that no input has, or that it names twice.
func EinsumTerms(equation string, ranks []int) (inputs []string, output string, err error) {
	left, output, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	inputs = strings.Split(left, ",")
	if len(inputs) != len(ranks) {
		return nil, "", fmt.Errorf("equation %q names %d inputs, found %d", equation, len(inputs), len(ranks))
	}
	for _, sign := range left + output {
		if !strings.ContainsRune(",.", sign) && (sign < 'A' || sign > 'Z') && (sign < 'a' || sign > 'z') {
			return nil, "", fmt.Errorf("equation %q: %q is no letter", equation, sign)
		}
	}
	const digits = "0123456789"
	count, most := map[rune]int{}, 0
	for i, term := range inputs {
		before, behind, open := strings.Cut(term, "...")
		hidden := ranks[i] - len(before) - len(behind)
		if hidden < 0 || hidden > len(digits) || !open && hidden > 0 || strings.Contains(before+behind, ".") {
			return nil, "", fmt.Errorf("equation %q gives input %d the axes %q, it has %d", equation, i, term, ranks[i])
		}
		most = max(most, hidden)
		inputs[i] = before + digits[len(digits)-hidden:] + behind
		for _, axis := range inputs[i] {
			count[axis]++
		}
	}
	all := digits[len(digits)-most:]
	if explicit {
		output = strings.Replace(output, "...", all, 1)
	} else {
		var once []rune
		for axis, n := range count {
			if n == 1 && !strings.ContainsRune(digits, axis) {
				once = append(once, axis)
			}
		}
		slices.Sort(once)
		output = all + string(once)
	}
	for i, axis := range output {
		if count[axis] == 0 || strings.ContainsRune(output[:i], axis) {
			return nil, "", fmt.Errorf("equation %q: the output's axis %c is in no input, or is there twice", equation, axis)
		}
	}
	return inputs, output, nil
}
