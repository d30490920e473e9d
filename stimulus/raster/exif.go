package raster

import (
	"bytes"
	"encoding/binary"
)

// orientation returns the EXIF orientation 1..8 of a file, 1 where it has none and for TIFF, which Decode turns itself.
func orientation(data []byte) int {
	name, _ := sniff(data)
	var block []byte
	switch name {
	case "JPEG":
		block = jpegEXIF(data)
	case "PNG":
		block = pngEXIF(data)
	case "WebP":
		block = webpEXIF(data)
	}
	return tiffOrientation(bytes.TrimPrefix(block, []byte("Exif\x00\x00")))
}

func jpegEXIF(data []byte) []byte {
	for at := 2; at+4 <= len(data) && data[at] == 0xff && data[at+1] != 0xda; {
		n := 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if at+n > len(data) {
			return nil
		}
		if s := data[at+4 : max(at+n, at+4)]; data[at+1] == 0xe1 && bytes.HasPrefix(s, []byte("Exif\x00\x00")) {
			return s
		}
		at += n
	}
	return nil
}

func pngEXIF(data []byte) []byte {
	for at := 8; at+12 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		if n > len(data)-at-12 {
			return nil
		}
		if string(data[at+4:at+8]) == "eXIf" {
			return data[at+8 : at+8+n]
		}
		at += 12 + n
	}
	return nil
}

func webpEXIF(data []byte) []byte {
	for at := 12; at+8 <= len(data); {
		n := int(binary.LittleEndian.Uint32(data[at+4:]))
		if n > len(data)-at-8 {
			return nil
		}
		if string(data[at:at+4]) == "EXIF" {
			return data[at+8 : at+8+n]
		}
		at += 8 + n + n&1
	}
	return nil
}

// tiffOrientation reads tag 274 of the first directory of a TIFF structure.
func tiffOrientation(b []byte) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 1
	}
	if len(b) < 8 {
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		const orientationTag, short = 274, 3
		if order.Uint16(entries) == orientationTag && order.Uint16(entries[2:]) == short {
			if v := order.Uint16(entries[8:]); v >= 1 && v <= 8 {
				return int(v)
			}
		}
		entries = entries[12:]
	}
	return 1
}

// upright undoes an EXIF orientation: 2 mirrored, 3 upside down, 4 both, 5..8 the same with rows and columns exchanged.
func (m *Image) upright(orientation int) *Image {
	if orientation <= 1 {
		return m
	}
	out := New(m.Width, m.Height)
	if orientation >= 5 {
		out = New(m.Height, m.Width)
	}
	for y := range out.Height {
		for x := range out.Width {
			fromX, fromY := x, y
			switch orientation {
			case 2:
				fromX = m.Width - 1 - x
			case 3:
				fromX, fromY = m.Width-1-x, m.Height-1-y
			case 4:
				fromY = m.Height - 1 - y
			case 5:
				fromX, fromY = y, x
			case 6:
				fromX, fromY = y, m.Height-1-x
			case 7:
				fromX, fromY = m.Width-1-y, m.Height-1-x
			case 8:
				fromX, fromY = m.Width-1-y, x
			}
			copy(out.Pix[3*(y*out.Width+x):][:3], m.Pix[3*(fromY*m.Width+fromX):])
		}
	}
	return out
}
