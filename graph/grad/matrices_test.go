package grad

import "visus/graph"

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
		}
		f := forms[s.number("form", 0, len(forms)-1)]
		var inputs []graph.Value
		for _, shape := range f.shapes {
			inputs = append(inputs, s.smooth(-1, 1, shape...))
		}
		s.out(s.b.Op("Einsum", inputs, attribute("equation", f.equation)))
	},
	"Attention": func(s *specimen) {
		heads, width := s.number("heads", 1, 2), s.number("width", 1, 3)
		queries, keys := s.number("queries", 1, 3), s.number("keys", 1, 3)
		s.out(s.b.Op("Attention", []graph.Value{
			s.smooth(-1, 1, 2, heads, queries, width), s.smooth(-1, 1, 2, heads, keys, width), s.smooth(-1, 1, 2, heads, keys, width),
		}))
	},
}
