package grad

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"visus/graph"
	"visus/tensor"
)

// matrices are the rules of products.
var matrices = map[string]rule{
	"MatMul": matMulRule, "Gemm": gemmRule, "Einsum": einsumRule, "Attention": composed(attention),
}

// gemm is alpha·x·y of two matrices, each transposed where its flag says so.
func gemm(b *graph.Builder, alpha float32, x graph.Value, turnX bool, y graph.Value, turnY bool) graph.Value {
	flag := map[bool]int64{true: 1}
	return b.Op("Gemm", []graph.Value{x, y}, attribute("alpha", alpha), attribute("transA", flag[turnX]), attribute("transB", flag[turnY]))
}

// gemmRule: y = alpha·A·B + beta·C, so dA = alpha·dy·Bᵀ, dB = alpha·Aᵀ·dy, and the same turned where A or B are; dC = beta·dy.
func gemmRule(b *graph.Builder, c call) []graph.Value {
	alpha, beta := c.Float("alpha", 1), c.Float("beta", 1)
	turnA, turnB := c.Int("transA", 0) != 0, c.Int("transB", 0) != 0
	dy, dx := c.dy[0], make([]graph.Value, len(c.x))
	if turnA {
		dx[0] = gemm(b, alpha, c.x[1], turnB, dy, true)
	} else {
		dx[0] = gemm(b, alpha, dy, false, c.x[1], !turnB)
	}
	if turnB {
		dx[1] = gemm(b, alpha, dy, true, c.x[0], turnA)
	} else {
		dx[1] = gemm(b, alpha, c.x[0], !turnA, dy, false)
	}
	if c.Input(2) == "" {
		return dx
	}
	if dx[2] = dy; beta != 1 {
		dx[2] = scale(b, dy, float64(beta))
	}
	return dx
}

// matMulRule: y = A·B, so dA = dy·Bᵀ and dB = Aᵀ·dy. A vector is a matrix with one row or column. Where B is one matrix for a batch of A, rows
// of the whole batch are those of one matrix: one product instead of one each and their sum.
func matMulRule(b *graph.Builder, c call) []graph.Value {
	a, m := sizes(c.x[0]), sizes(c.x[1])
	if elements(a)*elements(m) == 0 {
		return nil
	}
	if len(a) == 1 {
		a = []int{1, a[0]}
	}
	if len(m) == 1 {
		m = []int{m[0], 1}
	}
	inner, columns := m[len(m)-2], m[len(m)-1]
	if len(m) == 2 {
		rows := elements(a) / inner
		x, dy := reshape(b, c.x[0], []int{rows, inner}), reshape(b, c.dy[0], []int{rows, columns})
		da, dm := gemm(b, 1, dy, false, reshape(b, c.x[1], m), true), gemm(b, 1, x, true, dy, false)
		return []graph.Value{reshape(b, da, sizes(c.x[0])), reshape(b, dm, sizes(c.x[1]))}
	}
	batch := sizes(c.y[0])[:max(len(a), len(m))-2] // even where A was a vector
	dy := reshape(b, c.dy[0], slices.Concat(batch, []int{a[len(a)-2], columns}))
	da := b.Op("MatMul", []graph.Value{dy, flip(b, c.x[1])})
	dm := b.Op("MatMul", []graph.Value{flip(b, reshape(b, c.x[0], a)), dy})
	if len(sizes(c.x[0])) == 1 {
		da = reshape(b, da, slices.Concat(batch, []int{inner}))
	}
	return []graph.Value{da, dm}
}

// flip transposes the matrices of the last two axes.
func flip(b *graph.Builder, v graph.Value) graph.Value {
	perm := make([]int, len(sizes(v)))
	for i := range perm {
		perm[i] = i
	}
	n := len(perm)
	perm[n-2], perm[n-1] = n-1, n-2
	return transpose(b, v, perm)
}

// einsumRule: the gradient of an input is the Einsum of dy with the other inputs, with the input's axes as output. Axes that only this input
// has were summed: each of their entries gets the same. Where an input has an axis twice, it is its diagonal that counts.
func einsumRule(b *graph.Builder, c call) []graph.Value {
	ranks := make([]int, len(c.x))
	for i, v := range c.x {
		ranks[i] = len(sizes(v))
	}
	terms, output, err := graph.EinsumTerms(c.Text("equation", ""), ranks)
	if err != nil {
		b.Fail(c.Op, err)
		return nil
	}
	letters := lettersFor(strings.Join(terms, ""))
	dx := make([]graph.Value, len(c.x))
	for i := range c.x {
		inputs, others := []graph.Value{c.dy[0]}, []string{output}
		for k, v := range c.x {
			if k != i {
				inputs, others = append(inputs, v), append(others, terms[k])
			}
		}
		own := keepRunes(terms[i], strings.Join(others, ""))
		d := b.Op("Einsum", inputs, attribute("equation", letters.Replace(strings.Join(others, ",")+"->"+own)))
		dx[i] = spread(b, d, own, terms[i], sizes(c.x[i]))
	}
	return dx
}

// lettersFor gives the digits, which stand for axes of an ellipsis, letters that are free.
func lettersFor(used string) *strings.Replacer {
	var pairs []string
	for letter, digit := 'A', '0'; letter <= 'z' && digit <= '9'; letter++ {
		if (letter <= 'Z' || letter >= 'a') && !strings.ContainsRune(used, letter) {
			pairs = append(pairs, string(digit), string(letter))
			digit++
		}
	}
	return strings.NewReplacer(pairs...)
}

// keepRunes returns the axes of a term that others have too, each once.
func keepRunes(term, others string) string {
	var kept strings.Builder
	for i, axis := range term {
		if strings.ContainsRune(others, axis) && !strings.ContainsRune(term[:i], axis) {
			kept.WriteRune(axis)
		}
	}
	return kept.String()
}

// spread gives d, whose axes are own, all axes of a term: a new axis repeats, and the second of two equal ones leaves zeros beside the diagonal.
func spread(b *graph.Builder, d graph.Value, own, term string, shape []int) graph.Value {
	apart, whole := make([]int, len(term)), slices.Clone(shape)
	var diagonals []graph.Value
	for i, axis := range term {
		apart[i] = 1
		first := strings.IndexRune(term, axis)
		if at := strings.IndexRune(own, axis); at >= 0 && first == i {
			apart[i], whole[i] = sizes(d)[at], sizes(d)[at] // larger than the input's where that is broadcast
		}
		if first < i {
			diagonals = append(diagonals, diagonal(b, d.Type, len(term), first, i, shape[i]))
		}
	}
	d = reshape(b, d, apart)
	for _, mask := range diagonals {
		d = mul(b, d, mask)
	}
	return expand(b, d, whole)
}

// diagonal is 1 where the places on two axes are equal and 0 elsewhere; its other axes have size 1.
func diagonal(b *graph.Builder, kind tensor.Type, rank, first, second, size int) graph.Value {
	values, shape := make([]float64, size*size), slices.Repeat([]int{1}, rank)
	for i := range size {
		values[i*size+i] = 1
	}
	shape[first], shape[second] = size, size
	return matrix(b, kind, values, shape...)
}

// attention is the operator of opset 23 in its plain form: softmax(scale·Q·Kᵀ + mask)·V, causal or not, with groups of heads that share keys and
// values, and with a soft cap. Past keys and values, and the optional outputs, have no gradient.
func attention(b *graph.Builder, c call) []graph.Value {
	if c.Input(4) != "" || c.Input(5) != "" || c.Input(6) != "" || slices.ContainsFunc(c.dy[1:], func(v graph.Value) bool { return v.Name != "" }) {
		b.Fail(c.Op, errors.New("no gradient with past keys and values or through outputs other than the first"))
		return nil
	}
	heads, groups := int(c.Int("q_num_heads", 0)), int(c.Int("kv_num_heads", 0))
	q, k, v := apartHeads(b, c.x[0], heads), apartHeads(b, c.x[1], groups), apartHeads(b, c.x[2], groups)
	heads, groups = sizes(q)[1], sizes(k)[1]
	if groups == 0 || heads%groups != 0 {
		b.Fail(c.Op, fmt.Errorf("%d heads of queries do not share %d of keys", heads, groups))
		return nil
	}
	k, v = share(b, k, heads/groups), share(b, v, heads/groups)
	factor := float64(c.Float("scale", 0))
	if c.Attribute("scale") == nil {
		factor = 1 / math.Sqrt(float64(sizes(q)[3]))
	}
	scores := scale(b, b.Op("MatMul", []graph.Value{q, flip(b, k)}), factor)
	if limit := float64(c.Float("softcap", 0)); limit > 0 { // before the mask, as ONNX Runtime does: what is left out stays so
		scores = scale(b, unary(b, "Tanh", scale(b, scores, 1/limit)), limit)
	}
	y := b.Op("MatMul", []graph.Value{b.Softmax(masked(b, c, scores), -1), v})
	if len(sizes(c.x[0])) == 3 {
		y = reshape(b, transpose(b, y, []int{0, 2, 1, 3}), sizes(c.y[0]))
	}
	return []graph.Value{y}
}

// apartHeads brings [N,L,heads·E] to [N,heads,L,E].
func apartHeads(b *graph.Builder, v graph.Value, heads int) graph.Value {
	s := sizes(v)
	if len(s) == 4 || heads == 0 {
		return v
	}
	return transpose(b, reshape(b, v, []int{s[0], s[1], heads, s[2] / heads}), []int{0, 2, 1, 3})
}

// share repeats each head of [N,heads,S,E] for the queries' heads that share it, which lie side by side.
func share(b *graph.Builder, v graph.Value, times int) graph.Value {
	if times == 1 {
		return v
	}
	s := sizes(v)
	v = expand(b, reshape(b, v, []int{s[0], s[1], 1, s[2], s[3]}), []int{s[0], s[1], times, s[2], s[3]})
	return reshape(b, v, []int{s[0], s[1] * times, s[2], s[3]})
}

// masked adds a mask of numbers to the scores [N,heads,L,S], and makes those as small as can be that a mask of truths, or the future of a
// causal attention, leaves out.
func masked(b *graph.Builder, c call, scores graph.Value) graph.Value {
	least := number(b, scores, -math.MaxFloat32)
	switch mask := c.x; {
	case c.Input(3) == "":
	case mask[3].Type == tensor.Bool:
		scores = where(b, mask[3], scores, least)
	default:
		scores = b.Add(scores, mask[3])
	}
	if c.Int("is_causal", 0) != 0 {
		n := len(sizes(scores))
		length, keys := sizes(scores)[n-2], sizes(scores)[n-1]
		rows, columns := make([]int, length), make([]int, keys)
		for i := range rows {
			rows[i] = i
		}
		for i := range columns {
			columns[i] = i
		}
		past := compare(b, "GreaterOrEqual", reshape(b, list(b, rows), []int{length, 1}), list(b, columns))
		scores = where(b, past, scores, least)
	}
	return scores
}
