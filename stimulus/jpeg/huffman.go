package jpeg

import "encoding/binary"

// bitReader reads the entropy-coded bits of a scan, most significant first, and takes out the zero bytes stuffed after 0xFF.
// Past the end of a scan's data it yields zeros, as libjpeg does.
type bitReader struct {
	data    []byte
	at      int
	bits    uint64
	n       int // valid low bits of bits
	virtual int // how many of them, the last ones, are zeros that the data does not hold
}

// fill makes at least 32 bits available.
func (r *bitReader) fill() {
	if r.n >= 32 {
		return
	}
	if r.at+4 <= len(r.data) {
		word := binary.BigEndian.Uint32(r.data[r.at:])
		if !hasFF(word) {
			r.bits = r.bits<<32 | uint64(word)
			r.n += 32
			r.at += 4
			return
		}
	}
	for r.n < 32 {
		r.bits <<= 8
		r.n += 8
		switch {
		case r.at < len(r.data) && r.data[r.at] != 0xff:
			r.bits |= uint64(r.data[r.at])
			r.at++
		case r.at+1 < len(r.data) && r.data[r.at+1] == 0:
			r.bits |= 0xff
			r.at += 2
		default: // a marker, or the end of the file
			r.virtual += 8
		}
	}
}

// hasFF tells whether one of four bytes is 0xFF.
func hasFF(word uint32) bool {
	word = ^word
	return (word-0x01010101)&^word&0x80808080 != 0
}

// overrun tells that bits were read that the data does not hold.
func (r *bitReader) overrun() bool { return r.virtual > r.n }

// take returns the next k ≤ 16 bits; fill comes first.
func (r *bitReader) take(k int) int32 {
	r.n -= k
	return int32(r.bits>>r.n) & (1<<k - 1)
}

// extend reads k bits as a signed difference (T.81, F.2.2.1).
func (r *bitReader) extend(k int) int32 {
	v := r.take(k)
	if k > 0 && v < 1<<(k-1) {
		v -= 1<<k - 1
	}
	return v
}

// flag reads one bit.
func (r *bitReader) flag() bool {
	r.fill()
	return r.take(1) == 1
}

// restart drops what is left before the next marker; it passes a restart marker and stops at any other.
func (r *bitReader) restart() {
	r.bits, r.n, r.virtual = 0, 0, 0
	for ; r.at+1 < len(r.data); r.at++ {
		if r.data[r.at] == 0xff && r.data[r.at+1] != 0 && r.data[r.at+1] != 0xff {
			if r.data[r.at+1]&^7 == 0xd0 {
				r.at += 2
			}
			return
		}
	}
}

// lookupBits is the length of codes that one table look-up decodes.
const lookupBits = 9

// huffman decodes the symbols of one table (T.81, annex C and F.2.2.3).
type huffman struct {
	lookup [1 << lookupBits]uint16 // length<<8 | symbol; 0 for longer codes
	limit  [17]int32               // first code beyond those of a length, -1 without any
	offset [17]int32               // index of a length's first symbol minus its first code
	values []uint8
}

// newHuffman builds a table from the number of codes of each length 1..16 and the symbols in order; ok is false where there are more codes
// than bits allow.
func newHuffman(counts []uint8, values []uint8) (h *huffman, ok bool) {
	h = &huffman{values: values}
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		h.offset[length] = k - code
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, false
			}
			if length <= lookupBits {
				shift := lookupBits - length
				for i := range 1 << shift {
					h.lookup[int(code)<<shift|i] = uint16(length)<<8 | uint16(values[k])
				}
			}
			code++
			k++
		}
		h.limit[length] = code
		code <<= 1
	}
	return h, true
}

// symbol decodes one symbol; fill comes first. A code that does not exist counts as 0, as in libjpeg.
func (h *huffman) symbol(r *bitReader) uint8 {
	if e := h.lookup[r.bits>>(r.n-lookupBits)&(1<<lookupBits-1)]; e != 0 {
		r.n -= int(e >> 8)
		return uint8(e)
	}
	for length := lookupBits + 1; length <= 16; length++ {
		code := int32(r.bits>>(r.n-length)) & (1<<length - 1)
		if code < h.limit[length] {
			if at := int(code + h.offset[length]); at >= 0 && at < len(h.values) {
				r.n -= length
				return h.values[at]
			}
			break
		}
	}
	r.n -= 16
	return 0
}
