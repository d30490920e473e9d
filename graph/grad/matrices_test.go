package grad

import (
	"testing"

	"visus/graph"
	"visus/tensor"
)

var matrixSpecimens = map[string]func(s *specimen){
	"MatMul": func(s *specimen) {
		m, k, n := s.number("m", 1, 3), s.number("k", 1, 3), s.number("n", 1, 3)
		left, right := []int{m, k}, []int{k, n}
		switch s.number("form", 0, 5) {
		case 1:
			left = []int{k}
		case 2:
			right = []int{k}
		case 3:
			left, right = []int{k}, []int{k}
		case 4: // batches, broadcast both ways
			left, right = []int{2, 1, m, k}, []int{3, k, n}
		case 5:
			left, right = []int{2, m, k}, []int{k}
		}
		s.out(s.b.Op("MatMul", []graph.Value{s.smooth(-1, 1, left...), s.smooth(-1, 1, right...)}))
	},
	"Gemm": func(s *specimen) {
		m, k, n := s.number("m", 1, 3), s.number("k", 1, 3), s.number("n", 1, 3)
		left, right := []int{m, k}, []int{k, n}
		attributes := []graph.Attribute{attribute("alpha", float32(.5)), attribute("beta", float32(2))}
		if s.yes("transposed left") {
			left, attributes = []int{k, m}, append(attributes, attribute("transA", int64(1)))
		}
		if s.yes("transposed right") {
			right, attributes = []int{n, k}, append(attributes, attribute("transB", int64(1)))
		}
		inputs := []graph.Value{s.smooth(-1, 1, left...), s.smooth(-1, 1, right...)}
		if at := s.number("bias", 0, 4); at > 0 {
			inputs = append(inputs, s.smooth(-1, 1, [][]int{{n}, {m, n}, {m, 1}, {1}}[at-1]...))
		}
		s.out(s.b.Op("Gemm", inputs, attributes...))
	},
	"Einsum": func(s *specimen) {
		type form struct {
			equation string
			shapes   [][]int
		}
		forms := []form{
			{"ij,jk->ik", [][]int{{2, 3}, {3, 4}}},
			{"ij,jk", [][]int{{2, 3}, {3, 2}}},
			{"bij,bkj->bik", [][]int{{2, 3, 2}, {2, 4, 2}}},
			{"ij->ji", [][]int{{2, 3}}},
			{"ij->", [][]int{{2, 3}}},
			{"i,j->ij", [][]int{{2}, {3}}},
			{"bhid,bhjd->bhij", [][]int{{1, 2, 3, 2}, {1, 2, 2, 2}}},
			{"...ij,...jk->...ik", [][]int{{2, 2, 3}, {2, 3, 2}}},
			{"ij,ij->i", [][]int{{2, 3}, {2, 3}}},
			{"ii->i", [][]int{{3, 3}}},
			{"iij,jk->ik", [][]int{{2, 2, 3}, {3, 2}}},
			{"ijk,k->i", [][]int{{2, 3, 2}, {2}}}, // j is summed before the product
			{"ij,jk,kl->il", [][]int{{2, 3}, {3, 2}, {2, 2}}},
			{"...ij,jk", [][]int{{2, 2, 3}, {3, 2}}},
			{"b...i,...i->b...", [][]int{{2, 3, 2}, {3, 2}}},
			{"...ij,...jk->...ik", [][]int{{2, 1, 2, 3}, {1, 3, 3, 2}}}, // both broadcast
		}
		f := forms[s.number("form", 0, len(forms)-1)]
		var inputs []graph.Value
		for _, shape := range f.shapes {
			inputs = append(inputs, s.smooth(-1, 1, shape...))
		}
		s.out(s.b.Op("Einsum", inputs, attribute("equation", f.equation)))
	},
	"Attention": attentionSpecimen,
}

// attentionSpecimen draws both layouts, heads that share keys, masks of numbers and of truths, causal attention, and a soft cap.
func attentionSpecimen(s *specimen) {
	groups, width, values := s.number("groups", 1, 2), s.number("width", 1, 3), s.number("value width", 1, 3)
	heads := groups * s.number("sharing", 1, 2)
	queries, keys := s.number("queries", 1, 3), s.number("keys", 1, 3)
	var attributes []graph.Attribute
	shapes := [][]int{{2, heads, queries, width}, {2, groups, keys, width}, {2, groups, keys, values}}
	if s.yes("rank 3") {
		shapes = [][]int{{2, queries, heads * width}, {2, keys, groups * width}, {2, keys, groups * values}}
		attributes = append(attributes, attribute("q_num_heads", int64(heads)), attribute("kv_num_heads", int64(groups)))
	}
	inputs := []graph.Value{s.smooth(-1, 1, shapes[0]...), s.smooth(-1, 1, shapes[1]...), s.smooth(-1, 1, shapes[2]...)}
	switch s.number("mask", 0, 2) {
	case 1:
		inputs = append(inputs, s.smooth(-1, 1, pick(s, "mask's shape", []int{queries, keys}, []int{heads, queries, keys}, []int{2, 1, queries, keys})...))
	case 2:
		mask := tensor.New(tensor.Bool, queries, keys)
		for i := range mask.Bytes() {
			if i%keys == 0 || s.random.IntN(2) == 0 { // the first key is never left out
				mask.Bytes()[i] = 1
			}
		}
		inputs = append(inputs, s.data(mask))
	}
	if s.yes("causal") {
		attributes = append(attributes, attribute("is_causal", int64(1)))
	}
	if s.yes("scale") {
		attributes = append(attributes, attribute("scale", float32(0.7)))
	}
	if s.yes("softcap") {
		attributes = append(attributes, attribute("softcap", float32(1.5)))
	}
	s.out(s.b.Op("Attention", inputs, attributes...))
}

func TestMatricesSecond(t *testing.T) {
	for _, op := range []string{"MatMul", "Gemm", "Einsum"} {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, matrixSpecimens[op]) })
	}
}
