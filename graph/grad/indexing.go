package grad

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/graph/lower"
	"visus/tensor"
)

// indexing are the rules of operators that take entries at given places, or put them there. Where a place is taken several times, its gradients
// add up. ONNX Runtime's ScatterND, asked to add at a place twice, loses sums when it runs in parallel (1.30: 5620 of 64000 entries wrong, two
// threads), so that no gradient is written with it.
var indexing = map[string]rule{
	"Gather": gatherRule, "GatherElements": gatherElementsRule, "GatherND": gatherNDRule,
	"ScatterElements": scatterElementsRule, "ScatterND": scatterNDRule,
}

// gatherRule: y takes entries x[..., i, ...] of one axis.
func gatherRule(b *graph.Builder, c call) []graph.Value {
	shape := sizes(c.x[0])
	axis := axisOf(c.Int("axis", 0), len(shape))
	count := elements(sizes(c.x[1]))
	if count == 0 || elements(shape) == 0 {
		return nil
	}
	inFront, behind := elements(shape[:axis]), elements(shape[axis+1:])
	dy := reshape(b, c.dy[0], []int{inFront, count, behind})
	if at, ok := b.Integers(c.x[1]); ok {
		if dx, ok := ungather(b, dy, at, shape[axis]); ok {
			return []graph.Value{reshape(b, dx, shape)}
		}
	}
	rows := reshape(b, transpose(b, dy, []int{1, 0, 2}), []int{count, inFront * behind})
	rows = addRows(b, rows, places(b, c.x[1], shape[axis]), shape[axis])
	dx := transpose(b, reshape(b, rows, []int{shape[axis], inFront, behind}), []int{1, 0, 2})
	return []graph.Value{reshape(b, dx, shape)}
}

// often is how many copies of an entry are summed by gathering them: each costs a pass over memory.
const often = 4

// ungather is the gradient of taking the places at of an axis of some size; dy is [before, places, behind]. ok is false where a place is taken
// too often for sums of gathered entries.
func ungather(b *graph.Builder, dy graph.Value, at []int64, size int) (dx graph.Value, ok bool) {
	from, times, run := make([]int, len(at)), make([]int, size), true
	for i, place := range at {
		from[i] = axisOf(place, size)
		if from[i] < 0 || from[i] >= size {
			b.Fail("Gather", fmt.Errorf("index %d is outside of the axis, which has %d entries", place, size))
			return graph.Value{}, false
		}
		times[from[i]]++
		run = run && from[i] == from[0]+i
	}
	if run {
		return margins(b, dy, []int{0, from[0], 0}, []int{0, size - from[0] - len(from), 0}), true
	}
	if slices.Max(times) > often {
		return graph.Value{}, false
	}
	return collect(b, dy, 1, from, size), true
}

// places are indices as int64 in a row, with negative ones counted from the end of an axis.
func places(b *graph.Builder, at graph.Value, size int) graph.Value {
	at = reshape(b, convert(b, at, tensor.Int64), []int{elements(sizes(at))})
	return where(b, compare(b, "Less", at, b.Ints(0)), b.Add(at, b.Ints(int64(size))), at)
}

// few is up to how many rows sums are taken by a matrix product. Measured with ONNX Runtime, 2 threads, 20000 rows of 64 numbers: added to 50
// rows 0.9 ms, against 7.5 ms by ScatterElements, which runs on one thread; to 500 6.9 against 8.7 ms; to 1024 22 against 7 ms.
const few = 512

// addRows returns n rows, of which each is the sum of those rows of v [count, width] that at [count] sends there.
func addRows(b *graph.Builder, v, at graph.Value, n int) graph.Value {
	if n > few {
		index := expand(b, reshape(b, at, []int{sizes(v)[0], 1}), sizes(v))
		return lower.AddAt(b, v, index, 0, []int{n, sizes(v)[1]})
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	sent := compare(b, "Equal", reshape(b, list(b, rows), []int{n, 1}), at) // [n, count]
	return b.Op("MatMul", []graph.Value{convert(b, sent, v.Type), v})
}

// gatherElementsRule: y[i][j] = x[at[i][j]][j] on axis 0; every entry goes back to where it was taken.
func gatherElementsRule(b *graph.Builder, c call) []graph.Value {
	return []graph.Value{lower.AddAt(b, c.dy[0], c.x[1], int(c.Int("axis", 0)), sizes(c.x[0]))}
}

// gatherNDRule: y takes slices of x; the last axis of the indices holds their place on the axes behind batch_dims. The places are counted
// along these axes as if they were one, with the batch axes among them.
func gatherNDRule(b *graph.Builder, c call) []graph.Value {
	shape, index := sizes(c.x[0]), sizes(c.x[1])
	batch, depth := int(c.Int("batch_dims", 0)), index[len(index)-1]
	count, indexed := elements(index[:len(index)-1]), batch+depth
	if count == 0 || elements(shape) == 0 {
		return nil
	}
	n, width := elements(shape[:indexed]), elements(shape[indexed:])
	at := offsets(b, count, shape, batch, depth)
	parts := split(b, reshape(b, convert(b, c.x[1], tensor.Int64), []int{count, depth}), 1, slices.Repeat([]int{1}, depth))
	for i, part := range parts {
		step := b.Ints(int64(elements(shape[batch+i+1 : indexed])))
		at = b.Add(at, mul(b, places(b, part, shape[batch+i]), step))
	}
	rows := addRows(b, reshape(b, c.dy[0], []int{count, width}), at, n)
	return []graph.Value{reshape(b, rows, shape)}
}

// offsets tells where the batch of each of count slices begins: [count], or one 0 without batches.
func offsets(b *graph.Builder, count int, shape []int, batch, depth int) graph.Value {
	if batch == 0 {
		return b.Ints(0)
	}
	batches, size := elements(shape[:batch]), elements(shape[batch:batch+depth])
	at := make([]int, count)
	for i := range at {
		at[i] = i / (count / batches) * size
	}
	return list(b, at)
}

// adds says whether a scatter adds to what is there (true) or replaces it; its other reductions have no gradient here.
func adds(b *graph.Builder, c call) (add, ok bool) {
	switch reduction := c.Text("reduction", "none"); reduction {
	case "none", "add":
		return reduction == "add", true
	default:
		b.Fail(c.Op, fmt.Errorf("no gradient with reduction %q, expected none or add", reduction))
		return false, false
	}
}

// scatterElementsRule: what was replaced has no gradient. Of several updates of one place without a reduction, ONNX leaves open which one stays;
// all get its gradient.
func scatterElementsRule(b *graph.Builder, c call) []graph.Value {
	add, ok := adds(b, c)
	if !ok {
		return nil
	}
	axis, dx := attribute("axis", c.Int("axis", 0)), c.dy[0]
	if !add {
		dx = b.Op("ScatterElements", []graph.Value{dx, c.x[1], zeros(b, dx.Type, sizes(c.x[2]))}, axis)
	}
	return []graph.Value{dx, {}, b.Op("GatherElements", []graph.Value{c.dy[0], c.x[1]}, axis)}
}

// scatterNDRule is scatterElementsRule with slices.
func scatterNDRule(b *graph.Builder, c call) []graph.Value {
	add, ok := adds(b, c)
	if !ok {
		return nil
	}
	dx := c.dy[0]
	if !add {
		dx = b.Op("ScatterND", []graph.Value{dx, c.x[1], zeros(b, dx.Type, sizes(c.x[2]))})
	}
	return []graph.Value{dx, {}, b.Op("GatherND", []graph.Value{c.dy[0], c.x[1]})}
}
