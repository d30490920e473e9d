//go:build unix && cgo

package kernel

// #include "kernel.h"
import "C"

import (
	"slices"

	"visus/tensor"
)

// write lists the actions: operands are found or loaded, folded where asked for; then instructions, each followed by the folds of its
// register; stores come last.
func (c *compiler) write() {
	c.uses()
	for i, o := range c.Operands {
		c.operand(i, o)
	}
	for i := range c.Operands {
		c.fold(i)
	}
	for i, in := range c.Code {
		c.instruction(i, in)
		c.fold(len(c.Operands) + i)
	}
	for k, r := range c.Results {
		if r.Fold == FoldNone && !c.stored[k] {
			c.store(k, r)
		}
	}
}

// uses finds the last reader of every register.
func (c *compiler) uses() {
	c.last = make([]int, len(c.Operands)+len(c.Code))
	for i, in := range c.Code {
		for _, r := range in.reads() {
			c.last[r] = i
		}
	}
	for _, r := range c.Results {
		if r.Fold == FoldNone {
			c.last[r.Register] = len(c.Code)
		}
	}
}

func (c *compiler) operand(i int, o Operand) {
	inTile := o.Strides[c.first:]
	r := register{level: c.level(o.Strides), one: !slices.ContainsFunc(inTile, func(s int) bool { return s != 0 })}
	a := C.kernel_action{level: C.int(r.level), access: C.int(i)}
	switch {
	case r.one:
		r.slot = c.slot(1)
		a.kind, a.length = C.ACTION_LOAD, 1
	case o.Type == tensor.Float32 && c.dense(o.Strides) && !c.overwritten(i):
		r.slot = c.pointer()
		a.kind = C.ACTION_POINT
		if c.extent(o.Strides) > cached {
			a.form = 1
		}
	default:
		r.whole = o.Strides[c.first] == 0
		r.slot = c.tileSlot(true)
		a.kind = C.ACTION_LOAD
		if r.whole {
			a.length = 2
		}
	}
	a.out = C.int(r.slot)
	c.registers = append(c.registers, r)
	c.actions = append(c.actions, a)
}

// overwritten says whether an operand is stored as it is after another result may have been written over it.
func (c *compiler) overwritten(i int) bool {
	return slices.ContainsFunc(c.Results, func(over Result) bool {
		return over.Register != i && over.Memory == c.Operands[i].Memory
	}) && slices.ContainsFunc(c.Results, func(r Result) bool { return r.Register == i && r.Fold == FoldNone })
}

// instruction computes a register, into the memory of the result that it is where that is possible.
func (c *compiler) instruction(i int, in Instruction) {
	if in.Op == Constant {
		slot := c.slot(1)
		c.constants = append(c.constants, constant{c.slots[slot], in.Value})
		c.registers = append(c.registers, register{slot: slot, level: -1, one: true})
		return
	}
	r := register{level: -1, one: true, whole: true}
	reads := in.reads()
	args := []int{0, 0, 0}
	form := 0
	for k, from := range reads {
		arg := c.registers[from]
		args[k] = arg.slot
		r.level = max(r.level, arg.level)
		if arg.one {
			form |= 1 << k
			continue
		}
		r.one = false
		r.whole = r.whole && arg.whole
	}
	a := C.kernel_action{kind: C.ACTION_COMPUTE, level: C.int(r.level), op: C.int(in.Op), form: C.int(form)}
	for _, from := range reads { // what is read for the last time leaves its memory to the result
		if arg := &c.registers[from]; c.last[from] == i && arg.owns {
			arg.owns = false
			c.spare = append(c.spare, arg.slot)
		}
	}
	result := c.target(i)
	switch {
	case r.one:
		r.whole, r.slot = false, c.slot(1)
		a.length, a.form = 1, 0
	case result >= 0 && r.level == len(c.order)-1 && !r.whole:
		r.slot = c.pointer()
		c.stored[result] = true
		c.actions = append(c.actions, C.kernel_action{kind: C.ACTION_POINT, level: C.int(c.level(c.Results[result].Strides)), out: C.int(r.slot),
			access: C.int(len(c.Operands) + result)})
	default:
		everyTile := r.level == len(c.order)-1 && !r.whole
		r.slot, r.owns = c.tileSlot(!everyTile), everyTile
		if r.whole {
			a.length = 2
		}
	}
	a.out, a.a, a.b, a.c = C.int(r.slot), C.int(args[0]), C.int(args[1]), C.int(args[2])
	c.registers = append(c.registers, r)
	c.actions = append(c.actions, a)
}

// target is the result whose memory an instruction can compute into, -1 for none: it lies as tiles do, and no operand that lies there too is
// read any later.
func (c *compiler) target(i int) int {
	return slices.IndexFunc(c.Results, func(r Result) bool {
		return r.Fold == FoldNone && r.Register == len(c.Operands)+i && r.Type == tensor.Float32 && c.dense(r.Strides) &&
			!slices.ContainsFunc(all(len(c.Operands)), func(k int) bool { return c.Operands[k].Memory == r.Memory && c.last[k] > i })
	})
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (c *compiler) store(k int, r Result) {
	from := c.spread(r.Register)
	c.actions = append(c.actions, C.kernel_action{kind: C.ACTION_STORE, level: C.int(len(c.order) - 1), a: C.int(from), access: C.int(len(c.Operands) + k)})
}

// spread is a slot with the register's values for the whole tile.
func (c *compiler) spread(register int) int {
	r := c.registers[register]
	if !r.one {
		return r.slot
	}
	slot := c.tileSlot(true)
	c.actions = append(c.actions, C.kernel_action{kind: C.ACTION_COMPUTE, level: C.int(r.level), op: C.int(Copy), form: 1, length: 2,
		out: C.int(slot), a: C.int(r.slot)})
	return slot
}

func (c *compiler) fold(register int) {
	for at, k := range c.folds {
		if c.Results[k].Register == register {
			from := c.spread(register)
			c.actions = append(c.actions, C.kernel_action{kind: C.ACTION_FOLD, level: C.int(len(c.order) - 1), a: C.int(from), access: C.int(at)})
		}
	}
}
