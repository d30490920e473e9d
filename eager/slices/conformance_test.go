package slices_test

import (
	"testing"

	"visus/eager/enginetest"
	"visus/eager/slices"
)

// TestGoldenConformance: the reference engine does everything.
func TestGoldenConformance(t *testing.T) {
	wrap := func(x *slices.Tensor) *slices.Tensor { return x }
	groups := enginetest.Run(t, enginetest.Differentiating(enginetest.Looking("slices", wrap)))
	for _, g := range groups {
		if g.Unsupported > 0 {
			t.Errorf("%s: %d unsupported: %v", g.Name, g.Unsupported, g.Reasons)
		}
	}
	enginetest.Document(t, "../../docs/eager.md", "slices", groups)
}
