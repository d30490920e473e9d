// Package jpeg computes what libjpeg computes, bit for bit: its colour conversion, its integer cosine transforms ("islow") and its
// triangle-filtered ("fancy") chroma upsampling. Go's own decoder repeats chroma samples instead, which moves pixels by many grey levels
// at coloured edges and so moves a model's accuracy.
//
// RoundTrip is the corruption jpeg_compression: it encodes and decodes an image in memory without the lossless entropy coding between.
// Encode writes files, Decode and Convert read them.
package jpeg
