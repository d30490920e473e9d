package raster

import "image"

// fromWebP converts the samples of a lossy WebP as libwebp does (src/dsp/yuv.h, upsampling.c): limited-range BT.601, not the full range of
// JPEG that Go's colour package assumes, and chroma weighed 9:3:3:1 over the four nearest samples.
func fromWebP(m *image.YCbCr) *Image {
	out := New(m.Rect.Dx(), m.Rect.Dy())
	samples := (out.Width + 1) / 2
	last := (out.Height+1)/2 - 1
	u, v := make([]uint8, 2*samples), make([]uint8, 2*samples)
	for y := range out.Height {
		near := y / 2
		far := min(max(near-1+y&1*2, 0), last)
		widenWebP(u, m.Cb[near*m.CStride:][:samples], m.Cb[far*m.CStride:][:samples])
		widenWebP(v, m.Cr[near*m.CStride:][:samples], m.Cr[far*m.CStride:][:samples])
		row := out.Pix[3*y*out.Width:][:3*out.Width]
		for x, l := range m.Y[y*m.YStride:][:out.Width] {
			p := row[3*x:][:3:3]
			luma, cb, cr := int(l)*19077>>8, int(u[x]), int(v[x])
			p[0] = clip6(luma + cr*26149>>8 - 14234)
			p[1] = clip6(luma - cb*6419>>8 - cr*13320>>8 + 8708)
			p[2] = clip6(luma + cb*33050>>8 - 17685)
		}
	}
	return out
}

// widenWebP interpolates a row of chroma from the nearest row and the second nearest, with libwebp's two roundings.
func widenWebP(out, near, far []uint8) {
	n := len(near)
	out[0] = uint8((3*int(near[0]) + int(far[0]) + 2) >> 2)
	out[2*n-1] = uint8((3*int(near[n-1]) + int(far[n-1]) + 2) >> 2)
	for x := 1; x < n; x++ {
		n0, n1, f0, f1 := int(near[x-1]), int(near[x]), int(far[x-1]), int(far[x])
		sum := n0 + n1 + f0 + f1 + 8
		out[2*x-1] = uint8(((sum+2*(n1+f0))>>3 + n0) >> 1)
		out[2*x] = uint8(((sum+2*(n0+f1))>>3 + n1) >> 1)
	}
}

// clip6 drops six fraction bits.
func clip6(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
