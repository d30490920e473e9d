package vec

// MinTaps computes dst[i] = min_k(src[i+offsets[k]] + costs[k]), the step of a distance transform. Sums must not overflow. There is at
// least one tap; dst must not overlap what is read of src.
func MinTaps(dst, src []int32, offsets, costs []int32) {
	if len(dst) == 0 {
		return
	}
	low, high := offsets[0], offsets[0]
	for _, offset := range offsets {
		low, high = min(low, offset), max(high, offset)
	}
	if low < 0 || int(high)+len(dst) > len(src) || len(costs) != len(offsets) {
		panic("vec: MinTaps reads outside its source")
	}
	for i := minTapsWide(dst, src, offsets, costs); i < len(dst); i++ {
		nearest := src[i+int(offsets[0])] + costs[0]
		for k, offset := range offsets {
			nearest = min(nearest, src[i+int(offset)]+costs[k])
		}
		dst[i] = nearest
	}
}
