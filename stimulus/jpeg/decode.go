package jpeg

import (
	"errors"
	"fmt"
)

// ErrTruncated says that a file ends before its image does.
var ErrTruncated = errors.New("the file is truncated")

// mostScans bounds the time that a file can cost: each scan walks over the whole image, whatever its own length. Progressive files have about
// ten; libjpeg-turbo's guidance against hostile files is 500.
const mostScans = 500

// Header is what a file says about its image.
type Header struct {
	Width, Height int
	Components    int // 1 grey, 3 colour, 4 CMYK or YCCK
}

// pixelsPerByte bounds what a file can hold: one bit for each 8×8 block of a progressive grey image.
const pixelsPerByte = 512

// ReadHeader returns what the file says of its image without decoding it.
func ReadHeader(data []byte) (Header, error) {
	d := decoder{data: data}
	if err := d.parse(true); err != nil {
		return Header{}, fmt.Errorf("jpeg: %w", err)
	}
	return Header{d.width, d.height, len(d.components)}, nil
}

// Decode returns the pixels of a JPEG file (baseline, extended or progressive, 8 bits) as interleaved RGB, those that libjpeg gives: integer
// transforms, fancy upsampling. Grey becomes three equal values. CMYK is taken as inverted, as Adobe's programs write and Pillow reads it,
// and converted by Pillow's rule. Bytes after the image are ignored; damage within it leaves grey blocks, as in libjpeg, but a file that ends
// early is ErrTruncated.
func Decode(data []byte) (pix []uint8, width, height int, err error) {
	d := decoder{data: data}
	if err := d.parse(false); err != nil {
		return nil, 0, 0, fmt.Errorf("jpeg: %w", err)
	}
	return d.rgb(), d.width, d.height, nil
}

type decoder struct {
	data          []byte
	at            int // read position
	width, height int
	progressive   bool
	components    []*component
	scanned       int // bit i: component i has been seen in a scan
	scans         int
	mcusX, mcusY  int
	steps         [4][64]int32
	tables        [2][4]*huffman // DC and AC
	restart       int
	jfif          bool
	adobe         int // colour transform of an Adobe marker, -1 without one
}

// parse reads segments up to the end of the image, or only up to its frame header.
func (d *decoder) parse(headerOnly bool) error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != 0xd8 {
		return errors.New("no JPEG: the file does not start with FF D8")
	}
	d.at, d.adobe = 2, -1
	for {
		marker, ok := d.marker()
		if !ok {
			return d.end()
		}
		if marker == 0xd9 {
			return d.endOfImage()
		}
		if marker == 0x01 || marker&^7 == 0xd0 {
			continue
		}
		segment, err := d.segment()
		if err != nil {
			return err
		}
		if err := d.process(marker, segment, headerOnly); err != nil {
			return err
		}
		if headerOnly && d.components != nil {
			return nil
		}
	}
}

// marker finds the next marker, passing whatever lies between.
func (d *decoder) marker() (byte, bool) {
	for ; d.at+1 < len(d.data); d.at++ {
		if m := d.data[d.at+1]; d.data[d.at] == 0xff && m != 0 && m != 0xff {
			d.at += 2
			return m, true
		}
	}
	return 0, false
}

// segment reads the bytes that follow a marker.
func (d *decoder) segment() ([]byte, error) {
	if d.at+2 > len(d.data) {
		return nil, ErrTruncated
	}
	n := int(d.data[d.at])<<8 | int(d.data[d.at+1])
	if n < 2 {
		return nil, fmt.Errorf("a segment of %d bytes, less than its own length field", n)
	}
	if d.at+n > len(d.data) {
		return nil, ErrTruncated
	}
	s := d.data[d.at+2 : d.at+n]
	d.at += n
	return s, nil
}

// end judges a file without an end marker: a sequential image may be complete all the same.
func (d *decoder) end() error {
	if d.progressive || d.endOfImage() != nil {
		return ErrTruncated
	}
	return nil
}

func (d *decoder) endOfImage() error {
	if d.components == nil {
		return errors.New("the file holds no image")
	}
	if d.scanned != 1<<len(d.components)-1 {
		return errors.New("a component of the image has no data")
	}
	return nil
}

func (d *decoder) process(marker byte, s []byte, headerOnly bool) error {
	switch {
	case marker == 0xc0 || marker == 0xc1 || marker == 0xc2:
		return d.frame(s, marker == 0xc2, headerOnly)
	case marker == 0xc4:
		return d.huffmanTables(s)
	case marker >= 0xc3 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc:
		return fmt.Errorf("frames of type %d (lossless, hierarchical or arithmetic coding) are not supported", marker-0xc0)
	case marker == 0xda:
		return d.scan(s)
	case marker == 0xdb:
		return d.quantisationTables(s)
	case marker == 0xdd && len(s) >= 2:
		d.restart = int(s[0])<<8 | int(s[1])
	case marker == 0xe0 && len(s) >= 5 && string(s[:5]) == "JFIF\x00":
		d.jfif = true
	case marker == 0xee && len(s) >= 12 && string(s[:5]) == "Adobe":
		d.adobe = int(s[11])
	}
	return nil
}

// quantisationTables reads tables of 8 or 16 bits in zigzag order (T.81, B.2.4.1).
func (d *decoder) quantisationTables(s []byte) error {
	for len(s) > 0 {
		wide, id := int(s[0]>>4), s[0]&15
		n := 64 << min(wide, 1)
		if wide > 1 || id > 3 || len(s) < 1+n {
			return errors.New("a malformed quantisation table")
		}
		for k, at := range zigzag {
			if wide == 1 {
				d.steps[id][at] = int32(s[1+2*k])<<8 | int32(s[2+2*k])
			} else {
				d.steps[id][at] = int32(s[1+k])
			}
		}
		s = s[1+n:]
	}
	return nil
}

// huffmanTables reads tables (T.81, B.2.4.2).
func (d *decoder) huffmanTables(s []byte) error {
	for len(s) > 0 {
		if len(s) < 17 || s[0]>>4 > 1 || s[0]&15 > 3 {
			return errors.New("a malformed Huffman table")
		}
		n := 0
		for _, c := range s[1:17] {
			n += int(c)
		}
		if n > 256 || len(s) < 17+n {
			return fmt.Errorf("a Huffman table of %d symbols in %d bytes", n, len(s)-17)
		}
		h, ok := newHuffman(s[1:17], s[17:17+n])
		if !ok {
			return errors.New("a Huffman table with more codes than their lengths allow")
		}
		d.tables[s[0]>>4][s[0]&15] = h
		s = s[17+n:]
	}
	return nil
}

// frame reads the image's size and components (T.81, B.2.2) and makes room for the samples.
func (d *decoder) frame(s []byte, progressive, headerOnly bool) error {
	if d.components != nil {
		return errors.New("two frame headers")
	}
	if len(s) < 6 || len(s) < 6+3*int(s[5]) {
		return errors.New("a malformed frame header")
	}
	if s[0] != 8 {
		return fmt.Errorf("samples of %d bits; only 8 are supported", s[0])
	}
	d.height, d.width, d.progressive = int(s[1])<<8|int(s[2]), int(s[3])<<8|int(s[4]), progressive
	if d.width == 0 || d.height == 0 {
		return fmt.Errorf("an image of %d×%d pixels", d.width, d.height)
	}
	n := int(s[5])
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("%d components; 1, 3 and 4 are supported", n)
	}
	if !headerOnly && d.width*d.height > pixelsPerByte*len(d.data) {
		return fmt.Errorf("the header claims %d×%d pixels, more than %d bytes can hold", d.width, d.height, len(d.data))
	}
	for i := range n {
		c := &component{id: s[6+3*i], across: int(s[7+3*i] >> 4), down: int(s[7+3*i] & 15), table: int(s[8+3*i])}
		if c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 || c.table > 3 {
			return errors.New("a malformed component")
		}
		d.components = append(d.components, c)
	}
	if n == 1 { // sampling factors mean nothing then
		d.components[0].across, d.components[0].down = 1, 1
	}
	return d.layout(headerOnly)
}

// layout sizes the planes in whole MCUs.
func (d *decoder) layout(headerOnly bool) error {
	mostX, mostY := 1, 1
	for _, c := range d.components {
		mostX, mostY = max(mostX, c.across), max(mostY, c.down)
	}
	d.mcusX, d.mcusY = ceil(d.width, 8*mostX), ceil(d.height, 8*mostY)
	for _, c := range d.components {
		if mostX%c.across != 0 || mostY%c.down != 0 {
			return fmt.Errorf("sampling factors %d×%d of %d×%d: fractions are not supported", c.across, c.down, mostX, mostY)
		}
		c.h, c.v = mostX/c.across, mostY/c.down
		c.width, c.height = ceil(d.width, c.h), ceil(d.height, c.v)
		c.blocks = d.mcusX * c.across
		c.stride = 8 * c.blocks
		if headerOnly {
			continue
		}
		c.pix = make([]uint8, c.stride*d.mcusY*c.down*8)
		if d.progressive {
			c.coefficients = make([][64]int16, c.blocks*d.mcusY*c.down)
		}
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

// scan reads a scan header (T.81, B.2.3) and the scan.
func (d *decoder) scan(s []byte) error {
	if d.components == nil {
		return errors.New("data before the frame header")
	}
	if len(s) < 1 || s[0] < 1 || s[0] > 4 || len(s) != 4+2*int(s[0]) {
		return errors.New("a malformed scan header")
	}
	if d.scans++; d.scans > mostScans {
		return fmt.Errorf("more than %d scans", mostScans)
	}
	n := int(s[0])
	p := scan{progressive: d.progressive, restart: d.restart, steps: &d.steps, mcusX: d.mcusX, mcusY: d.mcusY, end: 63}
	if d.progressive {
		p.first, p.end, p.high, p.low = int(s[1+2*n]), int(s[2+2*n]), int(s[3+2*n]>>4), int(s[3+2*n]&15)
		if p.end > 63 || p.first > p.end || (p.first == 0) != (p.end == 0) || p.first > 0 && n > 1 || p.low > 13 {
			return errors.New("a malformed progressive scan")
		}
	}
	for i := range n {
		c, err := d.selected(s[1+2*i], s[2+2*i], &p)
		if err != nil {
			return err
		}
		p.components = append(p.components, c)
	}
	p.bits = bitReader{data: d.data, at: d.at}
	at, complete := p.run()
	if !complete {
		return ErrTruncated
	}
	d.at = at
	return nil
}

// selected returns a component of a scan with the tables that it needs.
func (d *decoder) selected(id, tables byte, p *scan) (*component, error) {
	for i, c := range d.components {
		if c.id != id {
			continue
		}
		for _, other := range p.components {
			if other == c {
				return nil, fmt.Errorf("component %d twice in a scan", id)
			}
		}
		c.dc, c.ac, c.last = d.tables[0][tables>>4&3], d.tables[1][tables&3], 0
		if needDC := p.first == 0 && p.high == 0; needDC && c.dc == nil || p.end > 0 && c.ac == nil {
			return nil, fmt.Errorf("component %d uses a Huffman table that the file lacks", id)
		}
		if !d.progressive || p.first == 0 {
			d.scanned |= 1 << i
		}
		return c, nil
	}
	return nil, fmt.Errorf("a scan of component %d, which the frame lacks", id)
}
