package vec

// The operations of this file serve fractal clouds: float64 throughout, the same to the bit with and without SIMD.

// Displace writes ((a + b) + (c + d))/4 + amplitude·(2·amplitude·u − amplitude), the mean of four neighbours plus noise of uniforms u;
// the slices are at least as long as dst.
func Displace(dst, a, b, c, d, u []float64, amplitude float64) {
	n := len(dst)
	a, b, c, d, u = a[:n], b[:n], c[:n], d[:n], u[:n]
	for i := displaceWide(dst, a, b, c, d, u, amplitude); i < n; i++ {
		noise := float64(2*amplitude*u[i]) - amplitude // the conversions forbid fused multiplications
		dst[i] = ((a[i]+b[i])+(c[i]+d[i]))*0.25 + float64(amplitude*noise)
	}
}

// Interleave writes a[0], b[0], a[1], b[1], ...; a and b are at least half as long as dst.
func Interleave(dst, a, b []float64) {
	n := len(dst) / 2
	a, b = a[:n], b[:n]
	for i := interleaveWide(dst, a, b); i < n; i++ {
		dst[2*i], dst[2*i+1] = a[i], b[i]
	}
}

// Bounds returns the smallest and the largest value; v holds at least one and no NaN.
func Bounds(v []float64) (low, high float64) {
	i, low, high := boundsWide(v)
	for _, x := range v[i:] {
		low, high = min(low, x), max(high, x)
	}
	return low, high
}

// Standardise replaces v by (v − low)/width.
func Standardise(v []float64, low, width float64) {
	for i := standardiseWide(v, low, width); i < len(v); i++ {
		v[i] = (v[i] - low) / width
	}
}

// MaxByte returns the largest value, 0 of none.
func MaxByte(v []uint8) uint8 {
	i, high := maxByteWide(v)
	for _, x := range v[i:] {
		high = max(high, x)
	}
	return high
}
