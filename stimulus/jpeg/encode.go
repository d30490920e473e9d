package jpeg

import (
	"bufio"
	"fmt"
	"io"
	"math/bits"
)

// Encode writes an RGB image (interleaved, 3·width·height bytes) as a baseline JFIF file: 4:2:0, Annex K tables at the quality 1..100, Huffman
// codes fitted to the image. libjpeg, and Decode, read from it what RoundTrip computes.
func Encode(w io.Writer, pix []uint8, width, height, quality int) error {
	if width < 1 || height < 1 || width > 65535 || height > 65535 {
		return fmt.Errorf("jpeg: an image of %d×%d pixels; sides of 1..65535 can be written", width, height)
	}
	if len(pix) < 3*width*height {
		return fmt.Errorf("jpeg: %d bytes of pixels, %d×%d RGB needs %d", len(pix), width, height, 3*width*height)
	}
	var s Scratch
	s.setQuality(quality)
	p := s.planes(width, height)
	p.fromRGB(pix)
	e := &encoder{levels: p.levels(&s.tables)}
	e.walk(func(class, table int, symbol uint8, _ uint32, _ int) { e.counts[class][table][symbol]++ })
	out := bufio.NewWriter(w)
	e.header(out, width, height, &s.tables)
	body := bitWriter{w: out}
	e.walk(func(class, table int, symbol uint8, extra uint32, n int) {
		code := e.codes[class][table][symbol]
		body.write(code.bits, code.n)
		body.write(extra, n)
	})
	body.flush()
	out.Write([]byte{0xff, 0xd9})
	return out.Flush() // bufio keeps the first error
}

// levels returns the quantised blocks in the order of an interleaved scan: four of luma, one of each chroma for every 16×16 pixels.
func (p planes) levels(tables *[2]quantiser) [][64]int16 {
	out := make([][64]int16, 0, p.stride*p.rows/256*6)
	add := func(plane []uint8, stride, x, y int, q *quantiser) {
		var b [64]int32
		load(&b, plane[y*stride+x:], stride)
		forward(&b)
		var block [64]int16
		for k, at := range zigzag {
			block[k] = int16(q.quantise(int(at), b[at]))
		}
		out = append(out, block)
	}
	for y := 0; y < p.rows; y += 16 {
		for x := 0; x < p.stride; x += 16 {
			for i := range 4 {
				add(p.y, p.stride, x+i%2*8, y+i/2*8, &tables[0])
			}
			add(p.cb, p.stride/2, x/2, y/2, &tables[1])
			add(p.cr, p.stride/2, x/2, y/2, &tables[1])
		}
	}
	return out
}

type code struct {
	bits uint32
	n    int
}

type encoder struct {
	levels [][64]int16    // in zigzag order
	counts [2][2][256]int // [DC, AC][luma, chroma]
	codes  [2][2][256]code
}

// walk calls emit for every symbol of the scan: its class (0 DC, 1 AC), its table (0 luma, 1 chroma), and the n bits that follow it.
func (e *encoder) walk(emit func(class, table int, symbol uint8, extra uint32, n int)) {
	var last [3]int
	for i := range e.levels {
		b := &e.levels[i]
		component := max(i%6-3, 0)
		table := min(component, 1)
		extra, n := magnitude(int(b[0]) - last[component])
		last[component] = int(b[0])
		emit(0, table, uint8(n), extra, n)
		run := 0
		for _, v := range b[1:] {
			if v == 0 {
				run++
				continue
			}
			for ; run > 15; run -= 16 {
				emit(1, table, 0xf0, 0, 0)
			}
			extra, n := magnitude(int(v))
			emit(1, table, uint8(run<<4|n), extra, n)
			run = 0
		}
		if run > 0 {
			emit(1, table, 0, 0, 0)
		}
	}
}

// magnitude returns the bits of a signed value and their number (T.81, F.1.2.1).
func magnitude(v int) (extra uint32, n int) {
	if v < 0 {
		n = bits.Len(uint(-v))
		return uint32(v-1) & (1<<n - 1), n
	}
	return uint32(v), bits.Len(uint(v))
}

// header writes everything before the scan's data, making the Huffman codes on the way.
func (e *encoder) header(w *bufio.Writer, width, height int, tables *[2]quantiser) {
	w.WriteString("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	for id := range tables {
		w.Write([]byte{0xff, 0xdb, 0, 67, uint8(id)})
		for _, at := range zigzag {
			w.WriteByte(uint8(tables[id].step[at]))
		}
	}
	w.Write([]byte{0xff, 0xc0, 0, 17, 8, uint8(height >> 8), uint8(height), uint8(width >> 8), uint8(width), 3,
		1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1})
	for class := range 2 {
		for table := range 2 {
			lengths, symbols := fitCodes(&e.counts[class][table])
			assignCodes(&e.codes[class][table], lengths, symbols)
			n := 19 + len(symbols)
			w.Write([]byte{0xff, 0xc4, uint8(n >> 8), uint8(n), uint8(class<<4 | table)})
			w.Write(lengths[1:])
			w.Write(symbols)
		}
	}
	w.Write([]byte{0xff, 0xda, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0})
}

// fitCodes returns the number of codes of each length 1..16 and the symbols, shortest first, of a Huffman code for the counts (T.81, K.2).
// A symbol that is never used takes the code of all ones, which the format forbids.
func fitCodes(counts *[256]int) (lengths [17]uint8, symbols []uint8) {
	const reserved = 256
	var weight, next, size [257]int
	for i, n := range counts {
		weight[i], next[i] = n, -1
	}
	weight[reserved], next[reserved] = 1, -1
	for {
		a, b := -1, -1 // the two lightest trees; among equals the last symbol, so that the reserved one gets a longest code
		for i, n := range weight {
			switch {
			case n == 0:
			case a < 0 || n <= weight[a]:
				a, b = i, a
			case b < 0 || n <= weight[b]:
				b = i
			}
		}
		if b < 0 {
			break
		}
		weight[a] += weight[b]
		weight[b] = 0
		end := a
		for ; next[end] >= 0; end = next[end] {
			size[end]++
		}
		size[end]++
		next[end] = b
		for i := b; i >= 0; i = next[i] {
			size[i]++
		}
	}
	return limitLengths(&size)
}

// limitLengths shortens codes to 16 bits (T.81, figure K.3) and drops the reserved symbol, which has one of the longest.
func limitLengths(size *[257]int) (lengths [17]uint8, symbols []uint8) {
	var count [258]int
	longest := 0
	for _, n := range size {
		count[n]++
		longest = max(longest, n)
	}
	count[0] = 0
	for n := longest; n > 16; n-- {
		for count[n] > 0 {
			j := n - 2
			for count[j] == 0 {
				j--
			}
			count[n] -= 2
			count[n-1]++
			count[j+1] += 2
			count[j]--
		}
	}
	last := 16
	for count[last] == 0 {
		last--
	}
	count[last]--
	for n := 1; n <= 16; n++ {
		lengths[n] = uint8(count[n])
	}
	for n := 1; n <= longest; n++ {
		for i := range 256 {
			if size[i] == n {
				symbols = append(symbols, uint8(i))
			}
		}
	}
	return lengths, symbols
}

// assignCodes numbers the codes (T.81, annex C).
func assignCodes(codes *[256]code, lengths [17]uint8, symbols []uint8) {
	next := uint32(0)
	for n := 1; n <= 16; n++ {
		for range lengths[n] {
			codes[symbols[0]] = code{next, n}
			symbols = symbols[1:]
			next++
		}
		next <<= 1
	}
}

// bitWriter writes bits, most significant first, and stuffs a zero byte after each 0xFF.
type bitWriter struct {
	w    *bufio.Writer
	bits uint64
	n    int
}

func (b *bitWriter) write(v uint32, n int) {
	b.bits = b.bits<<n | uint64(v)
	b.n += n
	for b.n >= 8 {
		b.n -= 8
		c := uint8(b.bits >> b.n)
		b.w.WriteByte(c)
		if c == 0xff {
			b.w.WriteByte(0)
		}
	}
}

// flush fills the last byte with ones.
func (b *bitWriter) flush() {
	if b.n > 0 {
		b.write(1<<(8-b.n)-1, 8-b.n)
	}
}
