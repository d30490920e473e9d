package grad

import (
	"visus/graph"
)

// none stands in a table for an operator whose output does not change with small changes of its inputs, or is no number that could: its
// inputs get no gradient. An operator that is in no table is an error where a gradient needs it.
var none rule

// families are the tables of rules, one a file.
var families = []map[string]rule{elementwise, shaping, losses, reductions, activations, shapes, indexing, matrices, recurrent, windows, norms, resampling}

// rules joins the families. They are joined in init because rules may differentiate graphs themselves.
var rules map[string]rule

func init() { rules = join(families) }

func join(families []map[string]rule) map[string]rule {
	all := map[string]rule{}
	for _, family := range families {
		for op, r := range family {
			all[op] = r
		}
	}
	return all
}

// ruleOf returns the rule of a node's operator; ok is false where there is no entry.
func ruleOf(n *graph.Node) (r rule, ok bool) {
	op := n.Op
	if n.Domain != "" {
		op = n.Domain + "." + op
	}
	r, ok = rules[op]
	return r, ok
}
