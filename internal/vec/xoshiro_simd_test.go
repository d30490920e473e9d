//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import "testing"

// TestXoshiroNarrow tests the form for processors without 512-bit vectors on those that have them.
func TestXoshiroNarrow(t *testing.T) {
	if !has256 {
		t.Skip("no 256-bit vectors here")
	}
	defer func(before bool) { has512 = before }(has512)
	has512 = false
	TestXoshiro(t)
}
