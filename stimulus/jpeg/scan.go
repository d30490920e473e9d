package jpeg

// component is one of a frame's components while it is decoded.
type component struct {
	plane
	id           uint8
	across, down int // sampling factors
	table        int // quantisation table
	blocks       int // 8×8 blocks in a row of the plane
	coefficients [][64]int16
	dc           *huffman
	ac           *huffman
	last         int32 // the DC predictor
}

// scan is one pass over some components (T.81, B.2.3).
type scan struct {
	components   []*component
	first, end   int // spectral selection: coefficients first..end in zigzag order
	high, low    int // successive approximation
	restart      int // MCUs between restart markers, 0 for none
	progressive  bool
	bits         bitReader
	bands        int // end-of-band run: blocks without further coefficients
	steps        *[4][64]int32
	mcusX, mcusY int
	block        [64]int32 // the sequential decoder's block, dequantised
}

// run decodes the scan and returns the position after its data. It reports whether the file ended before the scan did.
func (s *scan) run() (at int, complete bool) {
	single := len(s.components) == 1
	width, height := s.mcusX, s.mcusY
	if single { // then a scan has only the blocks that belong to the image
		c := s.components[0]
		width, height = (c.width+7)/8, (c.height+7)/8
	}
	count := 0
	for y := range height {
		for x := range width {
			if s.restart > 0 && count == s.restart {
				s.bits.restart()
				s.reset()
				count = 0
			}
			count++
			if s.bits.overrun() && s.bits.at+1 >= len(s.bits.data) {
				return s.bits.at, false
			}
			if single {
				s.decode(s.components[0], x, y)
				continue
			}
			for _, c := range s.components {
				for i := range c.down {
					for j := range c.across {
						s.decode(c, x*c.across+j, y*c.down+i)
					}
				}
			}
		}
	}
	return s.bits.at, !s.bits.overrun() || s.bits.at+1 < len(s.bits.data)
}

// reset starts a new restart interval.
func (s *scan) reset() {
	s.bands = 0
	for _, c := range s.components {
		c.last = 0
	}
}

// decode reads what the scan holds of one block. After the data's end blocks stay as they are, as in libjpeg.
func (s *scan) decode(c *component, x, y int) {
	if s.progressive {
		if !s.bits.overrun() {
			s.refineBlock(c, &c.coefficients[y*c.blocks+x])
		}
		return
	}
	b := &s.block
	*b = [64]int32{}
	var used uint8
	if !s.bits.overrun() {
		used = s.sequential(c, b)
	}
	inverse(b, used, c.pix[8*(y*c.stride+x):], c.stride)
}

// sequential reads a block and dequantises it (T.81, F.2.2). The result is inverse's mask of columns.
func (s *scan) sequential(c *component, b *[64]int32) (used uint8) {
	r := &s.bits
	steps := &s.steps[c.table]
	r.fill()
	c.last += r.extend(int(min(c.dc.symbol(r), 16)))
	b[0] = int32(int16(c.last)) * steps[0]
	for k := 1; k < 64; k++ {
		r.fill()
		symbol := c.ac.symbol(r)
		size := int(symbol & 15)
		if size == 0 {
			if symbol != 0xf0 {
				break
			}
			k += 15
			continue
		}
		k += int(symbol >> 4)
		v := r.extend(size)
		if k > 63 {
			break
		}
		at := zigzag[k]
		b[at] = v * steps[at]
		if at >= 8 {
			used |= 1 << (at & 7)
		}
	}
	return used
}

// refineBlock reads one progressive pass over a block (T.81, annex G).
func (s *scan) refineBlock(c *component, b *[64]int16) {
	r := &s.bits
	switch {
	case s.first == 0 && s.high == 0:
		r.fill()
		c.last += r.extend(int(min(c.dc.symbol(r), 16)))
		b[0] = int16(c.last << s.low)
	case s.first == 0:
		if r.flag() {
			b[0] |= 1 << s.low
		}
	case s.high == 0:
		s.firstPass(c, b)
	default:
		s.laterPass(c, b)
	}
}

// firstPass reads the leading bits of a band.
func (s *scan) firstPass(c *component, b *[64]int16) {
	if s.bands > 0 {
		s.bands--
		return
	}
	r := &s.bits
	for k := s.first; k <= s.end; k++ {
		r.fill()
		symbol := c.ac.symbol(r)
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run < 15 {
				s.bands = 1<<run - 1 + int(r.take(run))
				return
			}
			k += 15
			continue
		}
		k += run
		v := r.extend(size)
		if k > 63 {
			return
		}
		b[zigzag[k]] = int16(v << s.low)
	}
}

// laterPass reads one more bit of a band's coefficients.
func (s *scan) laterPass(c *component, b *[64]int16) {
	r := &s.bits
	k := s.first
	for s.bands == 0 && k <= s.end {
		r.fill()
		symbol := c.ac.symbol(r)
		run, size := int(symbol>>4), symbol&15
		var fresh int16
		if size != 0 { // a coefficient that becomes non-zero; its size can only be 1
			fresh = -1 << s.low
			if r.take(1) == 1 {
				fresh = 1 << s.low
			}
		} else if run < 15 {
			s.bands = 1<<run + int(r.take(run))
			break
		}
		k = s.correct(b, k, run)
		if fresh != 0 && k <= s.end {
			b[zigzag[k]] = fresh
		}
		k++
	}
	if s.bands > 0 {
		s.correct(b, k, 64)
		s.bands--
	}
}

// correct refines the coefficients from k on that are not zero and passes over run zeros; it returns where the next zero is.
func (s *scan) correct(b *[64]int16, k, run int) int {
	bit := int16(1) << s.low
	for ; k <= s.end; k++ {
		p := &b[zigzag[k]]
		if *p == 0 {
			if run == 0 {
				return k
			}
			run--
			continue
		}
		if s.bits.flag() && *p&bit == 0 {
			if *p > 0 {
				*p += bit
			} else {
				*p -= bit
			}
		}
	}
	return k
}

// reconstruct turns the coefficients of a progressive component into samples.
func (c *component) reconstruct(steps *[64]int32) {
	var b [64]int32
	for i := range c.coefficients {
		var used uint8
		for k, v := range c.coefficients[i] {
			b[k] = int32(v) * steps[k]
			if v != 0 && k >= 8 {
				used |= 1 << (k & 7)
			}
		}
		inverse(&b, used, c.pix[8*(i/c.blocks*c.stride+i%c.blocks):], c.stride)
	}
}
