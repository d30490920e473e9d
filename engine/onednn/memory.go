package onednn

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"visus/engine/onednn/kernel"
)

// alignment is that of every buffer, in bytes: a cache line, which is a vector of the widest kind.
const alignment = 64

// lay gives every buffer its memory: those that last their own, the others a share of one piece, in which buffers that are never needed at the
// same time lie over each other. It returns what is to be freed.
func (p *planner) lay() (a *arena, err error) {
	a = &arena{}
	for i, s := range p.steps {
		for _, b := range slices.Concat(s.reads, s.writes) {
			b.used(i)
		}
	}
	for i, s := range p.steps {
		for _, t := range s.instead {
			t.take(i)
		}
	}
	var sharing []*buffer
	for _, b := range p.buffers {
		switch {
		case b.within != nil:
		case b.role != passing:
			if b.memory, err = a.allocate(b.bytes); err != nil {
				return a, err
			}
		case b.from >= 0:
			sharing = append(sharing, b)
		}
	}
	offsets, total := pack(sharing)
	shared, err := a.allocate(total)
	if err != nil {
		return a, err
	}
	for i, b := range sharing {
		b.memory = unsafe.Add(shared, offsets[i])
	}
	return a, nil
}

func (b *buffer) used(at int) {
	if b.from < 0 {
		b.from = at
	}
	b.to = at
}

// take lets a result have the operand's memory where the step at the index is the last that needs it.
func (t takeover) take(at int) {
	from := t.operand.root()
	if t.result.within != nil || t.result.role != passing || from.role != passing || from.to != at || t.result.from != at || from == t.result ||
		from.taken == at+1 {
		return
	}
	t.result.within, from.taken = from, at+1
	from.to = max(from.to, t.result.to)
}

// pack places buffers, the largest first, each as low as those allow that live at the same time.
func pack(buffers []*buffer) (offsets []int, total int) {
	order := make([]int, len(buffers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(buffers[b].bytes, buffers[a].bytes) })
	offsets = make([]int, len(buffers))
	var placed []int // by offset
	for _, i := range order {
		b := buffers[i]
		at := 0
		for _, k := range placed {
			other := buffers[k]
			if other.to < b.from || b.to < other.from {
				continue
			}
			if at+b.bytes <= offsets[k] {
				break
			}
			at = max(at, aligned(offsets[k]+other.bytes))
		}
		offsets[i] = at
		total = max(total, aligned(at+b.bytes))
		where, _ := slices.BinarySearchFunc(placed, at, func(k, at int) int { return cmp.Compare(offsets[k], at) })
		placed = slices.Insert(placed, where, i)
	}
	return offsets, total
}

func aligned(n int) int { return (n + alignment - 1) / alignment * alignment }

// arena is memory that is freed at once.
type arena struct {
	pieces []unsafe.Pointer
	bytes  int
}

// allocate returns memory of any content, at least a byte.
func (a *arena) allocate(bytes int) (unsafe.Pointer, error) {
	bytes = aligned(max(bytes, 1))
	piece := kernel.Allocate(bytes)
	if piece == nil {
		return nil, fmt.Errorf("no memory for %d bytes", bytes)
	}
	a.pieces = append(a.pieces, piece)
	a.bytes += bytes
	return piece, nil
}

func (a *arena) free() {
	for _, piece := range a.pieces {
		kernel.Free(piece)
	}
	a.pieces = nil
}
