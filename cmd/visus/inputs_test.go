package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"visus/graph"
	"visus/tensor"
)

// makeInputs fills a folder with small models and data sets of every kind that a user brings, good and bad.
func makeInputs(dir string) error {
	for name, net := range map[string]network{
		"net.onnx":    {seed: 1},
		"other.onnx":  {seed: 2},
		"third.onnx":  {seed: 3},
		"nhwc.onnx":   {seed: 4, channelsLast: true},
		"two.onnx":    {seed: 5, inputs: 2},
		"four.onnx":   {seed: 6, channels: 4},
		"fixed.onnx":  {seed: 7, batch: 5},
		"any.onnx":    {seed: 8, side: -1},
		"small.onnx":  {seed: 9, side: 8},
		"pixels.onnx": {seed: 10, side: 48},
		"normal.onnx": {seed: 11, normalised: true},
		"single.onnx": {seed: 11, normalised: true, batch: 1},
	} {
		if err := net.save(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	classes := []string{"cat", "dog", "ship"}
	for i := range 12 {
		class := classes[i%3]
		name := fmt.Sprintf("%02d.png", i)
		for file, side := range map[string]int{
			filepath.Join("photos", class, name): 32,
			filepath.Join("flat", name):          32,
			filepath.Join("tiny", class, name):   8,
			filepath.Join("broken", class, name): 32,
		} {
			if err := writePNG(filepath.Join(dir, file), picture(i, side)); err != nil {
				return err
			}
		}
	}
	if err := writePNG(filepath.Join(dir, "strange", "unicorn", "1.png"), picture(1, 32)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "broken", "cat", "05half.jpg"), truncatedJPEG(), 0o666); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "garbage.onnx"), []byte("<html>404 not found</html>\n"), 0o666); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o777); err != nil {
		return err
	}
	return writeNPZ(filepath.Join(dir, "photos.npz"), 12, 32)
}

// network is a convolution, a pool and a linear layer with random weights. Zero values: batch free, 3 channels, 32 pixels a side, one input.
type network struct {
	seed                          uint64
	batch, channels, side, inputs int
	channelsLast, normalised      bool
}

func (n network) save(path string) error {
	const classes, features = 10, 8
	dim := func(size, otherwise int, symbol string) graph.Dim {
		if size == 0 {
			size = otherwise
		}
		if size < 0 {
			return graph.Dim{Size: -1, Symbol: symbol}
		}
		return graph.Dim{Size: size}
	}
	batch, channels, side := dim(n.batch, -1, "batch"), dim(n.channels, 3, ""), dim(n.side, 32, "side")
	b := graph.NewBuilder("classifier", 17)
	var x graph.Value
	if n.channelsLast {
		x = b.Op("Transpose", []graph.Value{b.Input("image", tensor.Float32, batch, side, side, channels)}, graph.Attribute{Name: "perm", Value: []int64{0, 3, 1, 2}})
	} else {
		x = b.Input("image", tensor.Float32, batch, channels, side, side)
	}
	for i := 1; i < n.inputs; i++ {
		x = b.Add(x, b.Input(fmt.Sprintf("image%d", i+1), tensor.Float32, batch, channels, side, side))
	}
	random := rand.New(rand.NewPCG(n.seed, 0))
	weights := func(scale float32, shape ...int) *tensor.Tensor {
		t := tensor.New(tensor.Float32, shape...)
		for i, values := 0, tensor.Values[float32](t); i < len(values); i++ {
			values[i] = scale * float32(random.NormFloat64())
		}
		return t
	}
	x = b.Conv(x, b.Initializer("kernel", weights(.4, features, channels.Size, 3, 3)), graph.Value{}, graph.Window{Stride: 2, Pad: 1})
	if n.normalised {
		one := weights(0, features)
		for i := range features {
			tensor.Values[float32](one)[i] = 1
		}
		x = b.Scope("norm").BatchNormalization(x, b.Initializer("scale", one), b.Initializer("bias", weights(1, features)), b.Initializer("mean", weights(1, features)), b.Initializer("variance", one))
	}
	x = b.Relu(x)
	x = b.Gemm(b.Flatten(b.GlobalAveragePool(x), 1), b.Initializer("weight", weights(2, classes, features)), graph.Value{})
	b.Output("logits", x)
	g, err := b.Build()
	if err != nil {
		return err
	}
	return g.Save(path, graph.SaveOptions{})
}

// picture is a gradient with a disc, both of colours that depend on its number.
func picture(number, side int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			c := color.RGBA{uint8(255 * x / side), uint8(255 * y / side), uint8(20 * number), 255}
			if dx, dy := x-side/2, y-side/2; dx*dx+dy*dy < side*side/9 {
				c = color.RGBA{uint8(60 * (number % 4)), uint8(255 - 20*number), 128, 255}
			}
			m.Set(x, y, c)
		}
	}
	return m
}

func writePNG(path string, m image.Image) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o666)
}

func truncatedJPEG() []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture(5, 32), nil); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()[:out.Len()/2]
}

// writeNPZ writes images with labels.
func writeNPZ(path string, n, side int) error {
	x, y := tensor.New(tensor.Uint8, n, side, side, 3), tensor.New(tensor.Uint8, n)
	pixels, labels := tensor.Values[uint8](x), tensor.Values[uint8](y)
	for i := range n {
		m := picture(i, side)
		for k := range side * side {
			r, g, b, _ := m.At(k%side, k/side).RGBA()
			copy(pixels[3*(i*side*side+k):], []uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)})
		}
		labels[i] = uint8(i % 10)
	}
	return writeArrays(path, x, y)
}

// writeArrays writes what numpy.savez(x=x, y=y) does.
func writeArrays(path string, x, y *tensor.Tensor) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	archive := zip.NewWriter(f)
	for name, t := range map[string]*tensor.Tensor{"x.npy": x, "y.npy": y} {
		var w io.Writer
		if w, err = archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store}); err != nil {
			return err
		}
		if err := tensor.WriteNPY(w, t); err != nil {
			return err
		}
	}
	return archive.Close()
}
