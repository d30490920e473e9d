package dnnl

import (
	"errors"
	"fmt"
)

// Pooling describes a pooling with 1 to 3 spatial dimensions, or its gradient. Src is [batch, channels, spatial...] and so is Dst; where the
// direction is BackwardData they are DiffSrc and DiffDst. The maximum's gradient reads the Workspace that ForwardTraining writes.
type Pooling struct {
	Direction
	Algorithm          // PoolMax, PoolAverageInclude or PoolAverageExclude
	Src, Dst           Desc
	Kernel             []int // one a spatial dimension
	Strides, Dilations []int // the same; empty: 1, dense
	PadsBegin, PadsEnd []int // the same; empty: 0
	Attributes
	Hint *Primitive // of BackwardData: its forward primitive
}

// Pooling chooses a pooling.
func (s *Scope) Pooling(p Pooling) (*Primitive, error) {
	r := request{kind: kindPooling, direction: p.Direction, algorithm: p.Algorithm, src: p.Src, dst: p.Dst, postOps: p.PostOps, hint: p.Hint}
	if p.Direction == BackwardData && p.Hint == nil {
		return nil, errors.New("dnnl: pooling: a gradient needs its forward primitive as hint, found none")
	}
	w := window{kernel: p.Kernel, strides: p.Strides, dilations: p.Dilations, before: p.PadsBegin, after: p.PadsEnd}
	if err := w.fill(&r); err != nil {
		return nil, fmt.Errorf("dnnl: pooling: %w", err)
	}
	return s.primitive(r)
}
