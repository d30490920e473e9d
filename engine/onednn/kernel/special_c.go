//go:build unix && cgo

package kernel

// #include "special.h"
import "C"

import "unsafe"

// The statuses that Go has words for are C's: other indices than 0 do not compile.
var _ = [1]int{}[outside-C.KERNEL_OUTSIDE] + [1]int{}[byZero-C.KERNEL_BY_ZERO]

// So are the limits.
var _ = [1]int{}[mostIndexed-C.KERNEL_RANK] + [1]int{}[mostAxes-C.KERNEL_AXES]

// special makes the step of a kernel: fill writes its argument; work is how many numbers it goes over, from which follows whether threads help.
func special(name string, function unsafe.Pointer, threads, work int, fill func(c *compiler, parts C.int) unsafe.Pointer) (Step, func(), error) {
	if work < serial {
		threads = 1
	}
	c := &compiler{threads: max(threads, 1)}
	return Step{Function: function, Argument: fill(c, C.int(c.threads)), Name: name}, c.free, nil
}

// one makes a value in C's memory.
func one[T any](c *compiler, v T) unsafe.Pointer {
	at := list[T](c, 1)
	at[0] = v
	return unsafe.Pointer(unsafe.SliceData(at))
}

// copied makes a copy of a list in C's memory.
func copied[To, From any](c *compiler, from []From) *To {
	to := list[From](c, len(from))
	copy(to, from)
	return (*To)(unsafe.Pointer(unsafe.SliceData(to)))
}

func number[T ~int | ~int64](n T) C.int64_t { return C.int64_t(n) }

func whether(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func (t Tuple) tuple() (out C.kernel_tuple) {
	out.depth = C.int(len(t.Sizes))
	for d := range t.Sizes {
		out.size[d], out.stride[d] = number(t.Sizes[d]), number(t.Strides[d])
	}
	return out
}

// Step prepares the kernel for so many threads. release frees it, after the last list that runs it is closed.
func (t Take) Step(threads int) (s Step, release func(), err error) {
	if err := t.check(); err != nil {
		return Step{}, nil, err
	}
	return special("take", C.kernel_take_run, threads, t.Batches*t.Count*t.Bytes/4, func(c *compiler, parts C.int) unsafe.Pointer {
		return one(c, C.kernel_take{
			data: (*C.char)(t.Data), indices: (*C.int64_t)(t.Indices), out: (*C.char)(t.Out), batches: number(t.Batches), count: number(t.Count),
			batch: number(t.Batch), own: number(t.Own), bytes: number(t.Bytes), tuple: t.tuple(), parts: parts,
		})
	})
}

// Step is as Take's.
func (p Put) Step(threads int) (s Step, release func(), err error) {
	if err := p.check(); err != nil {
		return Step{}, nil, err
	}
	return special("put", C.kernel_put_run, threads, p.Count*p.Bytes/4, func(c *compiler, parts C.int) unsafe.Pointer {
		return one(c, C.kernel_put{
			out: (*C.char)(p.Out), indices: (*C.int64_t)(p.Indices), updates: (*C.char)(p.Updates), count: number(p.Count), bytes: number(p.Bytes),
			whole: number(p.Whole), tuple: p.tuple(), reduction: C.int(p.Reduction), parts: parts,
		})
	})
}

// Step is as Take's.
func (p Pick) Step(threads int) (s Step, release func(), err error) {
	return special("pick", C.kernel_pick_run, threads, p.Before*p.Count*p.Behind, func(c *compiler, parts C.int) unsafe.Pointer {
		return one(c, C.kernel_pick{
			data: (*C.char)(p.Data), updates: (*C.char)(p.Updates), indices: (*C.int64_t)(p.Indices), out: (*C.char)(p.Out), before: number(p.Before),
			n: number(p.N), count: number(p.Count), behind: number(p.Behind), width: C.int(p.Width),
			shared: whether(p.Shared), reduction: C.int(p.Reduction), parts: parts,
		})
	})
}

// Step is as Take's.
func (t Top) Step(threads int) (s Step, release func(), err error) {
	if err := t.check(); err != nil {
		return Step{}, nil, err
	}
	return special("top", C.kernel_top_run, threads, t.Before*t.N*t.Behind*8, func(c *compiler, parts C.int) unsafe.Pointer {
		return one(c, C.kernel_top{
			x: (*C.float)(t.X), out: (*C.int64_t)(t.Out), scratch: unsafe.SliceData(list[C.int64_t](c, int(parts)*t.K)), before: number(t.Before),
			n: number(t.N), behind: number(t.Behind), k: number(t.K), smallest: whether(t.Smallest), parts: parts,
		})
	})
}

// Step is as Take's.
func (r Running) Step(threads int) (s Step, release func(), err error) {
	return special("running", C.kernel_running_run, threads, r.Before*r.N*r.Behind, func(c *compiler, parts C.int) unsafe.Pointer {
		return one(c, C.kernel_running{
			x: (*C.float)(r.X), out: (*C.float)(r.Out), before: number(r.Before), n: number(r.N), behind: number(r.Behind),
			exclusive: whether(r.Exclusive), backward: whether(r.Backward), parts: parts,
		})
	})
}

// Step is as Take's.
func (m Mix) Step(threads int) (s Step, release func(), err error) {
	if err := m.check(); err != nil {
		return Step{}, nil, err
	}
	return special("mix", C.kernel_mix_run, threads, m.Before*len(m.Matrix.At)*m.Behind, func(c *compiler, parts C.int) unsafe.Pointer {
		return one(c, C.kernel_mix{
			x: (*C.float)(m.X), out: (*C.float)(m.Out), before: number(m.Before), n: number(m.N), rows: number(m.Matrix.Rows()), behind: number(m.Behind),
			first: copied[C.int64_t](c, m.Matrix.First), at: copied[C.int32_t](c, m.Matrix.At), weight: copied[C.float](c, m.Matrix.Weight), parts: parts,
		})
	})
}

// Step is as Take's.
func (s Sample) Step(threads int) (step Step, release func(), err error) {
	if err := s.check(); err != nil {
		return Step{}, nil, err
	}
	function := map[SampleOutput]unsafe.Pointer{
		Sampled: C.kernel_sample_run, InputGradient: C.kernel_sample_input_run, GridGradient: C.kernel_sample_grid_run,
	}[s.Of]
	return special("sample", function, threads, 4*s.Samples*(s.Channels+4)*s.Places, func(c *compiler, parts C.int) unsafe.Pointer {
		a := C.kernel_sample{
			x: (*C.float)(s.X), grid: (*C.float)(s.Grid), dy: (*C.float)(s.DY), out: (*C.float)(s.Out), axes: C.int(len(s.Size)),
			samples: number(s.Samples), channels: number(s.Channels), places: number(s.Places), nearest: whether(s.Nearest),
			padding: C.int(s.Padding), corners: whether(s.Corners), parts: parts,
		}
		for i, n := range s.Size {
			a.size[i] = number(n)
		}
		return one(c, a)
	})
}

// Step is as Take's. Threads share the samples.
func (o Overlap) Step(threads int) (Step, func(), error) {
	width := (o.Outputs*o.Window[0]*o.Window[1] + lineSize - 1) / lineSize * lineSize
	work := o.Samples * o.Size[0] * o.Size[1] * o.Channels * width / lineSize
	return special("overlap", C.kernel_overlap_run, threads, work, func(c *compiler, parts C.int) unsafe.Pointer {
		a := C.kernel_overlap{
			x: (*C.float)(o.X), weights: (*C.float)(o.Weights), out: (*C.float)(o.Out), samples: number(o.Samples), channels: number(o.Channels),
			outputs: number(o.Outputs), width: number(width), packed: unsafe.SliceData(list[C.float](c, o.Channels*width)),
			scratch: unsafe.SliceData(list[C.float](c, int(parts)*o.Size[1]*width)), parts: parts,
		}
		for d := range 2 {
			a.size[d], a.out_size[d], a.window[d] = number(o.Size[d]), number(o.OutSize[d]), number(o.Window[d])
			a.stride[d], a.dilation[d], a.pad[d] = number(o.Stride[d]), number(o.Dilation[d]), number(o.Pad[d])
		}
		return one(c, a)
	})
}

// Step is as Loop's; one thread runs it.
func (l Integers) Step(int) (s Step, release func(), err error) {
	if err := l.check(); err != nil {
		return Step{}, nil, err
	}
	c := &compiler{stored: map[int]bool{}}
	c.prepare(Loop(l))
	argument, err := c.exactly()
	if err != nil {
		c.free()
		return Step{}, nil, err
	}
	return Step{Function: C.kernel_integers_run, Argument: argument, Name: "integers"}, c.free, nil
}
