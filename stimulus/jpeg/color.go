package jpeg

import "visus/internal/vec"

// Colour conversion in 16-bit fixed point: constants are trunc(65536·x + 0.5).
const (
	yR, yG, yB = 19595, 38470, 7471  // .299, .587, .114
	cbR, cbG   = -11059, -21709      // -.168735892, -.331264108
	crG, crB   = -27439, -5329       // -.418687589, -.081312411
	chromaBias = 128<<16 + 1<<15 - 1 // libjpeg keeps 256 from appearing by the last -1
	rCr, bCb   = 91881, 116130       // 1.402, 1.772
	gCb, gCr   = -22554, -46802      // -.34414, -.71414
)

// fromRGB fills the padded planes: colour conversion, chroma averaged over 2×2, edges repeated as libjpeg does, to the right before
// averaging and downwards after it.
func (p planes) fromRGB(src []uint8) {
	half := p.stride / 2
	for y := 0; y < p.height; y += 2 {
		below := min(y+1, p.height-1)
		cb, cr := p.cb[y/2*half:][:half], p.cr[y/2*half:][:half]
		convertRows(src[3*y*p.width:][:3*p.width], src[3*below*p.width:][:3*p.width],
			p.y[y*p.stride:][:p.stride], p.y[(y+1)*p.stride:][:p.stride], cb, cr)
	}
	repeatDown(p.y, p.stride, p.height+p.height&1, p.rows)
	repeatDown(p.cb, half, (p.height+1)/2, p.rows/2)
	repeatDown(p.cr, half, (p.height+1)/2, p.rows/2)
}

// repeatDown copies the last of the filled rows over the rest.
func repeatDown(plane []uint8, stride, filled, rows int) {
	last := plane[(filled-1)*stride:][:stride]
	for y := filled; y < rows; y++ {
		copy(plane[y*stride:], last)
	}
}

// convertRows converts two rows of pixels.
func convertRows(top, bottom, yTop, yBottom, cb, cr []uint8) {
	convertRowsFrom(vec.ToYCC(top, bottom, yTop, yBottom, cb, cr), top, bottom, yTop, yBottom, cb, cr)
}

// convertRowsFrom converts from pixel x on, which is even.
func convertRowsFrom(x int, top, bottom, yTop, yBottom, cb, cr []uint8) {
	n := len(top) / 3
	for ; x+1 < n; x += 2 {
		a, b := top[3*x:][:6:6], bottom[3*x:][:6:6]
		y0, b0, r0 := toYCC(a[0], a[1], a[2])
		y1, b1, r1 := toYCC(a[3], a[4], a[5])
		y2, b2, r2 := toYCC(b[0], b[1], b[2])
		y3, b3, r3 := toYCC(b[3], b[4], b[5])
		yTop[x], yTop[x+1], yBottom[x], yBottom[x+1] = uint8(y0), uint8(y1), uint8(y2), uint8(y3)
		bias := int32(1 + x>>1&1) // 1, 2, 1, 2, ... along a row
		cb[x/2] = uint8((b0 + b1 + b2 + b3 + bias) >> 2)
		cr[x/2] = uint8((r0 + r1 + r2 + r3 + bias) >> 2)
	}
	// The last pixel again and again: it fills an odd width's last pair and the padding.
	y0, b0, r0 := toYCC(top[3*n-3], top[3*n-2], top[3*n-1])
	y2, b2, r2 := toYCC(bottom[3*n-3], bottom[3*n-2], bottom[3*n-1])
	for ; x < len(yTop); x += 2 {
		bias := int32(1 + x>>1&1)
		yTop[x], yTop[x+1], yBottom[x], yBottom[x+1] = uint8(y0), uint8(y0), uint8(y2), uint8(y2)
		cb[x/2] = uint8((2*b0 + 2*b2 + bias) >> 2)
		cr[x/2] = uint8((2*r0 + 2*r2 + bias) >> 2)
	}
}

// toYCC converts one pixel; every result lies in 0..255.
func toYCC(red, green, blue uint8) (y, cb, cr int32) {
	r, g, b := int32(red), int32(green), int32(blue)
	return (yR*r + yG*g + yB*b + 1<<15) >> 16,
		(cbR*r + cbG*g + b<<15 + chromaBias) >> 16,
		(r<<15 + crG*g + crB*b + chromaBias) >> 16
}

// toRGB converts a row of samples at full resolution.
func toRGB(dst, luma, cb, cr []uint8) {
	toRGBFrom(vec.ToRGB(dst, luma, cb, cr), dst, luma, cb, cr)
}

func toRGBFrom(x int, dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for ; x < len(luma); x++ {
		l := luma[x]
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x:][:3:3]
		p[0] = clamp(y + (rCr*v+1<<15)>>16)
		p[1] = clamp(y + (gCb*u+gCr*v+1<<15)>>16)
		p[2] = clamp(y + (bCb*u+1<<15)>>16)
	}
}

// rgb converts the decoded planes to interleaved RGB.
func (d *decoder) rgb() []uint8 {
	if d.progressive {
		for _, c := range d.components {
			c.reconstruct(&d.steps[c.table])
		}
	}
	out := make([]uint8, 3*d.width*d.height)
	buffers := make([][]uint8, len(d.components))
	rows := make([][]uint8, len(d.components))
	for i, c := range d.components {
		buffers[i] = make([]uint8, c.width*c.h)
	}
	for y := range d.height {
		for i, c := range d.components {
			rows[i] = c.row(y, buffers[i])[:d.width]
		}
		d.convert(out[3*y*d.width:][:3*d.width], rows)
	}
	return out
}

// convert turns a row of samples into RGB. Which colours the samples are follows libjpeg's default_decompress_parms: a JFIF marker means
// YCbCr, else an Adobe marker says it, else the components' names.
func (d *decoder) convert(out []uint8, rows [][]uint8) {
	switch len(rows) {
	case 1:
		interleave(out, rows[0], rows[0], rows[0])
	case 3:
		c := d.components
		named := d.adobe < 0 && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
		if !d.jfif && (d.adobe == 0 || named) {
			interleave(out, rows[0], rows[1], rows[2])
			return
		}
		toRGB(out, rows[0], rows[1], rows[2])
	case 4:
		if d.adobe > 0 { // YCCK: what YCbCr gives is the inverse of the inverse of ink
			toRGB(out, rows[0], rows[1], rows[2])
			ink(out, rows[3], 0)
			return
		}
		interleave(out, rows[0], rows[1], rows[2])
		ink(out, rows[3], 255)
	}
}

// interleave joins three rows.
func interleave(out, red, green, blue []uint8) {
	green, blue = green[:len(red)], blue[:len(red)]
	for x, v := range red {
		p := out[3*x:][:3:3]
		p[0], p[1], p[2] = v, green[x], blue[x]
	}
}

// ink converts cyan, magenta and yellow in place to RGB by Pillow's rule: paper·(1 - ink), where paper is what black leaves, the stored
// (inverted) sample itself. flip is 255 where the three are stored inverted too.
func ink(pix, paper []uint8, flip uint8) {
	for x, white := range paper {
		w := int32(white)
		p := pix[3*x:][:3:3]
		for i, v := range p {
			product := int32(v^flip)*w + 128
			p[i] = uint8(w - (product>>8+product)>>8) // product/255, rounded
		}
	}
}
