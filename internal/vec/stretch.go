package vec

// Stretch is a fixed linear interpolation of rows: output i is (1−t[i])·src[index[i]] + t[i]·src[index[i]+step].
// Its wide form picks the elements of a block of outputs out of two adjacent vectors, which suits enlargements and mild reductions.
type Stretch struct {
	step        int
	index       []int32
	t           []float32
	base        []int32 // per block of 16: first source element, or −1 where the block spans more than 32
	left, right []uint32
}

// Set makes the interpolation with the given indices and weights; buffers are reused. Where t is 0 the right neighbour is never read.
func (s *Stretch) Set(index []int32, t []float32, step int) {
	s.step = step
	s.index = append(s.index[:0], index...)
	s.t = append(s.t[:0], t...)
	s.base, s.left, s.right = s.base[:0], s.left[:0], s.right[:0]
	for i := 0; i+16 <= len(index); i += 16 {
		block, weights := index[i:i+16], t[i:i+16]
		low, high := block[0], block[0]
		for k, at := range block {
			right := at
			if weights[k] != 0 {
				right += int32(step)
			}
			low, high = min(low, at), max(high, right)
		}
		base := low
		if high-low >= 32 {
			base = -1
		}
		for k, at := range block {
			s.left = append(s.left, uint32(at-low))
			right := at
			if weights[k] != 0 {
				right += int32(step)
			}
			s.right = append(s.right, uint32(right-low))
		}
		s.base = append(s.base, base)
	}
}

// Len returns the number of outputs.
func (s *Stretch) Len() int { return len(s.index) }

// Add adds the interpolated row to dst. Elements of src up to 32 past the last index make it faster.
func (s *Stretch) Add(dst, src []float32) {
	dst = dst[:len(s.index)]
	s.plain(dst, src, s.wide(dst, src))
}

func (s *Stretch) plain(dst, src []float32, from int) {
	index, t := s.index[:len(dst)], s.t[:len(dst)]
	for i := from; i < len(dst); i++ {
		v := src[index[i]]
		if t[i] != 0 {
			v += t[i] * (src[int(index[i])+s.step] - v)
		}
		dst[i] += v
	}
}
