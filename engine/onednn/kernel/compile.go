//go:build unix && cgo

package kernel

// #include "kernel.h"
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"visus/tensor"
)

const (
	tileSize = 1024    // elements of a tile, unless there are so many registers that they would not fit
	lineSize = 16      // floats in a cache line
	serial   = 1 << 15 // operations on elements below which one thread is faster than several
	cached   = 1 << 18 // floats that a core's own caches hold
)

// Step compiles the loop for so many threads. release frees it, after the last list that runs it is closed.
func (l Loop) Step(threads int) (s Step, release func(), err error) {
	if err := l.check(); err != nil {
		return Step{}, nil, err
	}
	if slices.Contains(l.Dims, 0) {
		l = l.ofNothing()
	}
	c := &compiler{threads: max(threads, 1), stored: map[int]bool{}}
	c.prepare(l)
	if l.exact() {
		argument, err := c.exactly()
		if err != nil {
			c.free()
			return Step{}, nil, err
		}
		return Step{Function: C.kernel_exact_run, Argument: argument, Name: "exact loop"}, c.free, nil
	}
	if err := c.cut(); err != nil {
		c.free()
		return Step{}, nil, err
	}
	c.write()
	return Step{Function: C.kernel_loop_run, Argument: unsafe.Pointer(c.compile()), Name: "loop"}, c.free, nil
}

// ofNothing is what remains of a loop without elements: its folds, each of one value that changes nothing, where they have elements.
func (l Loop) ofNothing() Loop {
	infinity := float32(math.Inf(1))
	out := Loop{Code: []Instruction{FoldNone: {}, FoldSum: {Value: 0}, FoldMax: {Value: -infinity}, FoldMin: {Value: infinity}, FoldProduct: {Value: 1}}}
	for _, r := range l.Results {
		if r.Fold != FoldNone && !slices.ContainsFunc(all(len(l.Dims)), func(d int) bool { return l.Dims[d] == 0 && r.Strides[d] != 0 }) {
			r.Register = int(r.Fold)
			out.Results = append(out.Results, r)
		}
	}
	if len(out.Results) == 0 {
		return Loop{}
	}
	for _, n := range l.Dims {
		out.Dims = append(out.Dims, max(n, 1))
	}
	return out
}

// compiler turns a Loop into C's form.
type compiler struct {
	Loop
	threads int
	owned   []unsafe.Pointer

	first     int   // the tile's first dimension
	chunk     int   // how much of it is in a tile
	inner     int   // elements of a tile for one of it
	order     []int // the digits: dimensions before first, and first itself for its chunks
	prefix    int   // of the digits: those that tell groups apart
	grouped   bool
	registers []register
	actions   []C.kernel_action
	slots     []int32 // where in scratch memory, -1: elsewhere
	top       int32   // floats of scratch memory taken
	constants []constant
	folds     []int        // results that fold
	spare     []int        // slots of tiles that can be used again
	stored    map[int]bool // results that are computed in place
	last      []int        // for each register, the instruction that reads it last; len(Code) where a result does
}

// register is where a register's values are while a tile is worked on.
type register struct {
	slot  int
	level int  // the innermost digit that it depends on
	one   bool // one value for the whole tile
	whole bool // valid for a whole tile, also where the present one is short
	owns  bool // its slot can be used again once it has been read
}

type constant struct {
	slot  int32
	value float32
}

func (c *compiler) allocate(bytes int) unsafe.Pointer {
	p := C.calloc(1, C.size_t(max(bytes, 1)))
	if p == nil {
		panic("kernel: out of memory")
	}
	c.owned = append(c.owned, p)
	return p
}

func (c *compiler) free() {
	for _, p := range c.owned {
		C.free(p)
	}
	c.owned = nil
}

// prepare copies the loop with positions as operands and with dimensions joined where every stride allows.
func (c *compiler) prepare(l Loop) {
	c.Loop = l
	c.Operands = slices.Clone(l.Operands)
	c.Code = slices.Clone(l.Code)
	c.Results = slices.Clone(l.Results)
	kept := []int{}
	for d, n := range l.Dims {
		if n != 1 {
			kept = append(kept, d)
		}
	}
	pick := func(strides []int) []int {
		out := make([]int, len(kept))
		for i, d := range kept {
			out[i] = strides[d]
		}
		return out
	}
	c.positions()
	c.arrange(pick)
	for d := len(c.Dims) - 2; d >= 0; d-- {
		if c.runs(d) {
			c.merge(d)
		}
	}
	if len(c.Dims) == 0 {
		c.arrange(func([]int) []int { return []int{0} })
		c.Dims[0] = 1
	}
}

// positions makes operands of Index instructions: they read a list of 0, 1, 2 ...
func (c *compiler) positions() {
	before := len(c.Operands)
	moved := make([]int, before+len(c.Code)) // registers by their old numbers
	for i := range moved {
		moved[i] = i
	}
	var code []Instruction
	for i, in := range c.Code {
		if in.Op != Index {
			continue
		}
		n := c.Dims[in.A]
		list := unsafe.Slice((*float32)(c.allocate(4*n)), n)
		for k := range list {
			list[k] = float32(k)
		}
		strides := make([]int, len(c.Dims))
		strides[in.A] = 1
		moved[before+i] = len(c.Operands)
		c.Operands = append(c.Operands, Operand{Memory: unsafe.Pointer(unsafe.SliceData(list)), Type: tensor.Float32, Strides: strides})
	}
	if len(c.Operands) == before {
		return
	}
	for i, in := range c.Code {
		if in.Op == Index {
			continue
		}
		in.A, in.B, in.C = moved[in.A], moved[in.B], moved[in.C]
		moved[before+i] = len(c.Operands) + len(code)
		code = append(code, in)
	}
	c.Code = code
	for i := range c.Results {
		c.Results[i].Register = moved[c.Results[i].Register]
	}
}

func (c *compiler) accesses() [][]int {
	var out [][]int
	for _, o := range c.Operands {
		out = append(out, o.Strides)
	}
	for _, r := range c.Results {
		out = append(out, r.Strides)
	}
	return out
}

// runs says whether dimensions d and d+1 are one run for every access.
func (c *compiler) runs(d int) bool {
	return !slices.ContainsFunc(c.accesses(), func(s []int) bool { return s[d] != s[d+1]*c.Dims[d+1] })
}

func (c *compiler) merge(d int) {
	size := c.Dims[d] * c.Dims[d+1]
	c.arrange(func(list []int) []int { return slices.Delete(slices.Clone(list), d, d+1) })
	c.Dims[d] = size
}

// cut chooses the tile and the order of the digits.
func (c *compiler) cut() error {
	if len(c.Dims) >= C.KERNEL_RANK {
		return fmt.Errorf("kernel: loop: %d dimensions that cannot be joined, at most %d expected", len(c.Dims), C.KERNEL_RANK-1)
	}
	size := tileSize
	for (len(c.Operands)+len(c.Code)+len(c.Results)+1)*size > C.KERNEL_SCRATCH && size > 4*lineSize {
		size /= 2
	}
	c.cross()
	c.inner = 1
	c.first = len(c.Dims) - 1
	for c.first > 0 && c.inner*c.Dims[c.first] <= size/2 {
		c.inner *= c.Dims[c.first]
		c.first--
	}
	c.chunk = max(min(size/c.inner, c.Dims[c.first]), 1)
	for i, r := range c.Results {
		if r.Fold != FoldNone {
			c.folds = append(c.folds, i)
		}
	}
	var kept, folded []int
	groups := 1
	for d := range c.first + 1 {
		if c.steps(d) == 1 {
			continue
		}
		if !slices.ContainsFunc(c.folds, func(i int) bool { return c.Results[i].Strides[d] == 0 }) {
			kept = append(kept, d)
			groups *= c.steps(d)
		} else {
			folded = append(folded, d)
		}
	}
	c.order = c.outward(slices.Concat(kept, folded))
	if len(c.folds) > 0 && c.elements() > 0 && groups >= min(c.threads, 2) && (groups >= 2*c.threads || groups%c.threads == 0 || c.work() < serial) {
		c.grouped, c.prefix = true, len(kept)
		c.order = slices.Concat(c.outward(kept), c.outward(folded))
	}
	return nil
}

// outward orders digits: first those along which operands change that have to be spread over a tile, so that this is seldom done.
func (c *compiler) outward(digits []int) []int {
	slices.Sort(digits)
	spread := func(d int) int {
		if slices.ContainsFunc(c.Operands, func(o Operand) bool { return o.Strides[d] != 0 && slices.Contains(o.Strides[c.first:], 0) }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(digits, func(a, b int) int { return spread(a) - spread(b) })
	return digits
}

// cross makes tiles square where the elements next to each other of one access are far apart for another, as where a matrix is transposed:
// tiles lie as a result does, and the innermost dimension is split so that the one that another access runs along has room beside it.
func (c *compiler) cross() {
	last := len(c.Dims) - 1
	for _, r := range c.Results {
		if d := c.run(r.Strides); r.Fold == FoldNone && d != last {
			c.move(d, last)
			break
		}
	}
	for _, strides := range c.accesses() {
		if d := c.run(strides); d != last {
			c.split(last)
			c.move(d, len(c.Dims)-2)
			return
		}
	}
}

// run is the dimension along which an access runs through memory, where that is worth a tile across the innermost one; else the innermost.
func (c *compiler) run(strides []int) int {
	last := len(c.Dims) - 1
	if d := slices.Index(strides, 1); d >= 0 && c.Dims[d] >= lineSize && (strides[last] >= lineSize || strides[last] < 0) {
		return d
	}
	return last
}

func (c *compiler) move(from, to int) {
	c.arrange(func(list []int) []int {
		return slices.Insert(slices.Delete(slices.Clone(list), from, from+1), to, list[from])
	})
}

// split makes two of a long dimension d where a divisor allows it.
func (c *compiler) split(d int) {
	for width := 4 * lineSize; width >= lineSize; width-- {
		if n := c.Dims[d]; n > width && n%width == 0 {
			c.arrange(func(strides []int) []int { return append(slices.Clone(strides[:d]), strides[d]*width, strides[d]) })
			c.Dims[d], c.Dims[d+1] = n/width, width
			return
		}
	}
}

// arrange changes every list with an element a dimension.
func (c *compiler) arrange(change func([]int) []int) {
	c.Dims = change(c.Dims)
	for i := range c.Operands {
		c.Operands[i].Strides = change(c.Operands[i].Strides)
	}
	for i := range c.Results {
		c.Results[i].Strides = change(c.Results[i].Strides)
	}
}

// steps is how many values the digit of a dimension has; one without a choice is none of the digits.
func (c *compiler) steps(d int) int {
	if d == c.first {
		return (c.Dims[d] + c.chunk - 1) / c.chunk
	}
	return c.Dims[d]
}

func (c *compiler) elements() int {
	n := 1
	for _, d := range c.Dims {
		n *= d
	}
	return n
}

// extent is how many different elements an access has.
func (c *compiler) extent(strides []int) int {
	n := 1
	for d, size := range c.Dims {
		if strides[d] != 0 {
			n *= size
		}
	}
	return n
}

func (c *compiler) work() int { return c.elements() * (len(c.Operands) + len(c.Code) + len(c.Results)) }

// level is the innermost digit that an access depends on, -1 for none.
func (c *compiler) level(strides []int) int {
	for k := len(c.order) - 1; k >= 0; k-- {
		if strides[c.order[k]] != 0 {
			return k
		}
	}
	return -1
}

// dense says whether a tile lies in memory as registers do.
func (c *compiler) dense(strides []int) bool {
	step := 1
	for d := len(c.Dims) - 1; d >= c.first; d-- {
		n := c.Dims[d]
		if d == c.first {
			n = c.chunk
		}
		if strides[d] != step && n != 1 {
			return false
		}
		step *= n
	}
	return true
}

// tileSlot is room for a tile; reusable ones are taken again.
func (c *compiler) tileSlot(lasting bool) int {
	if n := len(c.spare); n > 0 && !lasting {
		s := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return s
	}
	return c.slot(c.chunk * c.inner)
}

// slot takes scratch memory.
func (c *compiler) slot(floats int) int {
	c.slots = append(c.slots, c.top)
	c.top += int32((floats + lineSize - 1) / lineSize * lineSize)
	return len(c.slots) - 1
}

// pointer is a slot that points to memory elsewhere.
func (c *compiler) pointer() int {
	c.slots = append(c.slots, -1)
	return len(c.slots) - 1
}

// compile copies all into C's memory.
func (c *compiler) compile() *C.kernel_loop {
	l := (*C.kernel_loop)(c.allocate(int(unsafe.Sizeof(C.kernel_loop{}))))
	l.digits, l.prefix, l.chunk_digit = C.int(len(c.order)), C.int(c.prefix), C.int(slices.Index(c.order, c.first))
	tiles, groups := 1, 1
	for k, d := range c.order {
		n := c.steps(d)
		l.extent[k] = C.int64_t(n)
		if k < c.prefix {
			groups *= n
		} else {
			tiles *= n
		}
	}
	l.rank = C.int(len(c.Dims) - c.first)
	for k := range len(c.Dims) - c.first {
		l.size[k] = C.int64_t(c.Dims[c.first+k])
	}
	l.size[0] = C.int64_t(c.chunk)
	l.whole, l.inner = C.int64_t(c.Dims[c.first]), C.int64_t(c.inner)
	l.groups, l.tiles = C.int64_t(groups), C.int64_t(tiles)
	l.parts = 1
	if c.grouped {
		l.grouped = 1
	}
	if c.work() >= serial {
		l.parts = C.int(min(c.threads, tiles*groups))
		if c.grouped {
			l.parts = C.int(min(c.threads, groups))
		}
	}
	accesses := list[C.kernel_access](c, len(c.Operands)+len(c.Results))
	for i, o := range c.Operands {
		c.access(&accesses[i], o.Memory, o.Type, o.Strides)
	}
	for i, r := range c.Results {
		c.access(&accesses[len(c.Operands)+i], r.Memory, r.Type, r.Strides)
	}
	l.accesses, l.access = C.int(len(accesses)), unsafe.SliceData(accesses)
	actions := list[C.kernel_action](c, len(c.actions))
	copy(actions, c.actions)
	l.actions, l.action = C.int(len(actions)), unsafe.SliceData(actions)
	folds := list[C.kernel_fold](c, len(c.folds))
	for i, k := range c.folds {
		c.folding(&folds[i], k, int(l.parts))
	}
	l.folds, l.fold = C.int(len(folds)), unsafe.SliceData(folds)
	slots := list[C.int32_t](c, len(c.slots))
	for i, at := range c.slots {
		slots[i] = C.int32_t(at)
	}
	l.slots, l.slot = C.int(len(slots)), unsafe.SliceData(slots)
	where, values := list[C.int32_t](c, len(c.constants)), list[C.float](c, len(c.constants))
	for i, v := range c.constants {
		where[i], values[i] = C.int32_t(v.slot), C.float(v.value)
	}
	l.constants, l.constant_slot, l.constant = C.int(len(where)), unsafe.SliceData(where), unsafe.SliceData(values)
	return l
}

// list makes an array in C's memory.
func list[T any](c *compiler, n int) []T {
	var zero T
	return unsafe.Slice((*T)(c.allocate(n*int(unsafe.Sizeof(zero)))), n)
}

var widths = map[tensor.Type]int{tensor.Float32: 4, tensor.Float64: 8, tensor.Int64: 8, tensor.Int32: 4, tensor.Uint8: 1, tensor.Bool: 1}

func (c *compiler) access(a *C.kernel_access, memory unsafe.Pointer, t tensor.Type, strides []int) {
	a.memory, a._type = (*C.char)(memory), C.int(readable[t])
	for k, d := range c.order {
		step := strides[d] * widths[t]
		if d == c.first {
			step *= c.chunk
		}
		a.outer[k] = C.int64_t(step)
	}
	for k := range len(c.Dims) - c.first {
		a.tile[k] = C.int64_t(strides[c.first+k])
	}
}

// folding lays out the accumulators of a folded result: densely, in the order of the digits that do not tell groups apart and of the tile's
// dimensions, without those that are folded.
func (c *compiler) folding(f *C.kernel_fold, at, parts int) {
	r := c.Results[at]
	f.kind, f.access, f.scale = C.int(r.Fold), C.int(len(c.Operands)+at), C.double(r.Scale)
	if r.Scale == 0 {
		f.scale = 1
	}
	chunkInGroup := slices.Contains(c.order[:c.prefix], c.first)
	strides := make([]int, len(c.Dims)) // of the accumulators
	var kept []int                      // dimensions with accumulators, outermost first
	for _, d := range c.order[c.prefix:] {
		if d != c.first && r.Strides[d] != 0 {
			kept = append(kept, d)
		}
	}
	for d := c.first; d < len(c.Dims); d++ {
		if r.Strides[d] != 0 {
			kept = append(kept, d)
		}
	}
	count := 1
	f.chunked = -1
	for i, d := range slices.Backward(kept) {
		strides[d] = count
		n := c.Dims[d]
		if d == c.first && chunkInGroup {
			n = c.chunk
			f.chunked = C.int(i)
		}
		count *= n
		f.kept_size[i], f.kept_stride[i], f.kept_result[i] = C.int64_t(n), C.int64_t(strides[d]), C.int64_t(r.Strides[d]*widths[r.Type])
	}
	f.kept, f.count = C.int(len(kept)), C.int64_t(count)
	f.accumulators = unsafe.SliceData(list[C.double](c, parts*count))
	for k, d := range c.order[c.prefix:] {
		step := strides[d]
		if d == c.first {
			step *= c.chunk
		}
		f.outer[c.prefix+k] = C.int64_t(step)
	}
	// The tile's dimensions, neighbours joined where both are folded or both are kept: accumulators of neighbours are one run.
	n := -1
	for d := c.first; d < len(c.Dims); d++ {
		size := c.Dims[d]
		if d == c.first {
			size = 1
		}
		if n >= 0 && (strides[d] == 0) == (f.stride[n] == 0) {
			f.size[n] *= C.int64_t(size)
			f.stride[n] = C.int64_t(strides[d])
			continue
		}
		n++
		f.size[n], f.stride[n] = C.int64_t(size), C.int64_t(strides[d])
	}
	f.rank = C.int(n + 1)
}
