package observer

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"visus/engine"
	"visus/graph"
	"visus/stimulus/raster"
	"visus/tensor"
)

// Scores says what a model's output means.
type Scores string

// The three kinds of scores.
const (
	Logits           Scores = "logits"
	Probabilities    Scores = "probabilities"
	LogProbabilities Scores = "log-probabilities"
)

// Options says how to open a model. What is left zero comes from the model's sidecar, its metadata, or its graph.
type Options struct {
	Name          string // default: the file's name without .onnx
	Preprocessing string // a name of Preprocessings, a .yaml file, or "auto" (and ""): decided by Choose
	Output        string // name of the output with the class scores
	Classes       string // what OpenClasses reads
	Size          int    // side of the input where the model leaves it free
	Batch         int    // images in one run, 0: 16, or what the model fixes
	Threads       int    // 0: GOMAXPROCS
	Device        string
}

// Model is an ONNX classifier as an observer.
type Model struct {
	Path          string
	Preprocessing Preprocessing // the most usual of the candidates until Choose has decided
	Scores        Scores        // "" until the first batch has been seen
	Classes       *Classes      // nil until known
	Output        string        // the output that is read

	name       string
	candidates []Preprocessing // one where it is settled

	input   input
	batch   int
	compile engine.Options
	program engine.Program
	outputs []*tensor.Tensor
	feed    feeder
	answers []Answer
}

// input is what the model's one image input takes.
type input struct {
	graph.Value
	batch         int // 0: free
	channels      int // 1 or 3
	width, height int // 0: free
	channelsLast  bool
}

// Open loads a model and compiles it. Preprocessing, scores and classes that nothing tells are left open for Choose.
func Open(ctx context.Context, e engine.Engine, path string, o Options) (*Model, error) {
	g, err := graph.Load(path)
	if err != nil {
		return nil, err
	}
	sidecar, sidecarPath, err := findSidecar(path, o.Preprocessing)
	if err != nil {
		return nil, err
	}
	m := &Model{Path: path, name: o.Name}
	if m.name == "" {
		m.name = ModelName(path)
	}
	if m.input, err = imageInput(g, sidecar.Layout, o.Size); err != nil {
		return nil, fmt.Errorf("observer: %s: %w", path, err)
	}
	if err := m.configure(g, sidecar, sidecarPath, o); err != nil {
		return nil, err
	}
	m.batch = o.Batch
	if m.batch == 0 {
		m.batch = 16
	}
	if m.input.batch > 0 {
		m.batch = m.input.batch
	}
	m.compile = engine.Options{Threads: threads(o.Threads), Device: o.Device, Outputs: []string{m.Output}}
	if m.program, err = e.Compile(ctx, g, m.compile); err != nil {
		return nil, err
	}
	m.outputs = make([]*tensor.Tensor, 1)
	return m, nil
}

func threads(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// configure takes preprocessing, output, scores and classes from the options, else the sidecar, else the model itself.
func (m *Model) configure(g *graph.Graph, s *Sidecar, sidecarPath string, o Options) (err error) {
	if err := m.prepare(s, sidecarPath, o.Preprocessing); err != nil {
		return err
	}
	m.Scores = Scores(s.Scores)
	if m.Classes, err = modelClasses(g, s, sidecarPath, o.Classes); err != nil {
		return err
	}
	wanted := o.Output
	if wanted == "" {
		wanted = s.Output
	}
	value, err := classOutput(g, wanted, m.Classes)
	if err != nil {
		return fmt.Errorf("observer: %s: %w", m.Path, err)
	}
	m.Output = value.Name
	if m.Scores == "" {
		m.Scores = scoresOf(g, value.Name)
	}
	switch m.Scores {
	case "", Logits, Probabilities, LogProbabilities:
	default:
		return fmt.Errorf("observer: %s: scores %q are none of logits, probabilities, log-probabilities", m.Path, m.Scores)
	}
	if outputs := classCount(value); outputs > 0 {
		m.Classes, err = fitClasses(m.Classes, outputs)
		if err != nil {
			return fmt.Errorf("observer: %s: %w", m.Path, err)
		}
	}
	return nil
}

// prepare settles the preprocessing, or the candidates for it: what the option names, else what the sidecar says, else the usual ones.
// What the sidecar says of sizes holds for all of them.
func (m *Model) prepare(s *Sidecar, path, option string) error {
	p, told, err := s.preprocessing(path)
	if err != nil {
		return err
	}
	switch {
	case option == auto || !told && (option == "" || strings.HasSuffix(option, ".yaml")):
		m.candidates = slices.Clone(Preprocessings)
	case option != "" && !strings.HasSuffix(option, ".yaml"):
		if p, err = PreprocessingByName(option); err != nil {
			return err
		}
		fallthrough
	default:
		m.candidates = []Preprocessing{p}
	}
	if m.input.Type == tensor.Uint8 && len(m.candidates) > 1 {
		m.candidates = slices.DeleteFunc(m.candidates, func(p Preprocessing) bool { return p.Name != "none" }) // bytes as they are
	}
	for i := range m.candidates {
		if err := s.geometry(&m.candidates[i], path); err != nil {
			return err
		}
	}
	m.Preprocessing = m.candidates[0]
	return nil
}

// SidecarFile returns the YAML file that the preprocessing option names, else the path of the one beside the model; ok says whether it is there.
func SidecarFile(model, preprocessing string) (path string, ok bool) {
	if strings.HasSuffix(preprocessing, ".yaml") {
		return preprocessing, true
	}
	path = strings.TrimSuffix(model, filepath.Ext(model)) + ".yaml"
	return path, exists(path)
}

func findSidecar(model, preprocessing string) (*Sidecar, string, error) {
	path, ok := SidecarFile(model, preprocessing)
	if !ok {
		return &Sidecar{}, path, nil
	}
	s, err := ReadSidecar(path)
	return s, path, err
}

// imageInput finds the one input that takes images and reads its layout.
func imageInput(g *graph.Graph, layout string, size int) (input, error) {
	var in input
	if len(g.Inputs) != 1 {
		names := make([]string, len(g.Inputs))
		for i, v := range g.Inputs {
			names[i] = v.Name
		}
		return in, fmt.Errorf("the model takes %d inputs (%s), expected one image", len(g.Inputs), strings.Join(names, ", "))
	}
	in.Value = g.Inputs[0]
	if len(in.Shape) != 4 {
		return in, fmt.Errorf("input %q has shape %s, expected four dimensions: batch, channels, height, width (in this order or channels last)", in.Name, graph.ShapeText(in.Shape))
	}
	isChannels := func(d graph.Dim) bool { return d.Size == 3 || d.Size == 1 }
	first, last := isChannels(in.Shape[1]), isChannels(in.Shape[3])
	switch {
	case layout == "nhwc" || layout == "" && last && !first:
		in.channelsLast = true
	case layout == "nchw" || layout == "" && first:
	case layout == "" && !in.Shape[1].Fixed() && in.Shape[3].Fixed(): // what is free beside fixed sides are the channels
	case layout == "" && !in.Shape[3].Fixed() && in.Shape[1].Fixed():
		in.channelsLast = true
	case layout == "" && !in.Shape[1].Fixed() && !in.Shape[3].Fixed():
		return in, fmt.Errorf("input %q has shape %s, which does not tell where the channels are; say layout: nchw or nhwc in the sidecar file", in.Name, graph.ShapeText(in.Shape))
	case layout == "":
		return in, fmt.Errorf("input %q has shape %s, expected 1 or 3 channels at position 2 or 4", in.Name, graph.ShapeText(in.Shape))
	default:
		return in, fmt.Errorf("layout %q is neither nchw nor nhwc", layout)
	}
	channels, height, width := in.Shape[1], in.Shape[2], in.Shape[3]
	if in.channelsLast {
		channels, height, width = in.Shape[3], in.Shape[1], in.Shape[2]
	}
	in.channels = 3
	if channels.Fixed() {
		in.channels = channels.Size
	}
	if in.channels != 1 && in.channels != 3 {
		return in, fmt.Errorf("input %q has %d channels, expected 3 (RGB) or 1 (grey)", in.Name, in.channels)
	}
	in.height, in.width = fixedOr(height, size), fixedOr(width, size)
	in.batch = fixedOr(in.Shape[0], 0)
	if !fillable(in.Type) {
		return in, fmt.Errorf("input %q takes %s, expected float32, float16, float64 or uint8", in.Name, in.Type)
	}
	return in, nil
}

func fixedOr(d graph.Dim, otherwise int) int {
	if d.Fixed() {
		return d.Size
	}
	return otherwise
}

// modelClasses returns the names that the option, the sidecar or the model's metadata give; nil where none does.
func modelClasses(g *graph.Graph, s *Sidecar, sidecarPath, option string) (*Classes, error) {
	if option != "" {
		return OpenClasses(option)
	}
	switch names := s.Classes.(type) {
	case nil:
	case string:
		if file := filepath.Join(filepath.Dir(sidecarPath), names); exists(file) {
			names = file
		}
		return OpenClasses(names)
	case []any:
		words := make([]string, len(names))
		for i, n := range names {
			words[i] = fmt.Sprint(n)
		}
		return NewClasses(sidecarPath, words), nil
	default:
		return nil, fmt.Errorf("observer: %s: classes is neither a list nor a name", sidecarPath)
	}
	for _, key := range []string{"names", "classes", "class_names", "labels", "id2label"} {
		if text, ok := g.Metadata[key]; ok {
			names, err := ParseClasses(text)
			if err != nil {
				return nil, fmt.Errorf("observer: metadata %q of the model: %w", key, err)
			}
			return NewClasses("metadata", names), nil
		}
	}
	return nil, nil
}

// fitClasses checks names against the number of outputs, and finds built-in names where none are given: 1,000 outputs are ImageNet's,
// 1,001 the same behind a background class.
func fitClasses(c *Classes, outputs int) (*Classes, error) {
	switch {
	case c == nil && outputs == ImageNet().Len():
		return ImageNet(), nil
	case c == nil && outputs == ImageNet().Len()+1:
		return ImageNet().withBackground(), nil
	case c == nil || c.Len() == outputs:
		return c, nil
	case c.Len()+1 == outputs:
		return c.withBackground(), nil
	}
	return nil, fmt.Errorf("%d class names (%s) for %d outputs", c.Len(), c.Origin, outputs)
}

// classOutput picks the output with class scores: the one wanted, the only one, the one as wide as there are classes, or the one with a usual name.
func classOutput(g *graph.Graph, wanted string, classes *Classes) (graph.Value, error) {
	names := make([]string, len(g.Outputs))
	for i, v := range g.Outputs {
		names[i] = v.Name
		if v.Name == wanted {
			return v, nil
		}
	}
	if wanted != "" {
		return graph.Value{}, fmt.Errorf("the model has no output %q; its outputs are %s", wanted, strings.Join(names, ", "))
	}
	if len(g.Outputs) == 1 {
		return g.Outputs[0], nil
	}
	for _, usual := range []string{"logits", "logit", "scores", "probabilities", "probs", "prob", "softmax", "output", "classes"} {
		for _, v := range g.Outputs {
			if strings.EqualFold(v.Name, usual) {
				return v, nil
			}
		}
	}
	if classes != nil {
		for _, v := range g.Outputs {
			if n := classCount(v); n == classes.Len() || n == classes.Len()+1 {
				return v, nil
			}
		}
	}
	return graph.Value{}, fmt.Errorf("the model has %d outputs (%s); say which holds the class scores with --output", len(names), strings.Join(names, ", "))
}

// classCount returns the width of an output [batch, classes] or [batch, classes, 1, 1]; 0 where the graph does not tell.
func classCount(v graph.Value) int {
	if len(v.Shape) < 2 || !v.Shape[1].Fixed() {
		return 0
	}
	for _, d := range v.Shape[2:] {
		if d.Size != 1 {
			return 0
		}
	}
	return v.Shape[1].Size
}

// scoresOf reads from the last operator what the output means; "" where it is neither Softmax nor LogSoftmax.
func scoresOf(g *graph.Graph, output string) Scores {
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			if name != output {
				continue
			}
			switch n.Op {
			case "Softmax":
				return Probabilities
			case "LogSoftmax":
				return LogProbabilities
			case "Gemm", "MatMul", "Add":
				return Logits
			case "Identity", "Cast", "Flatten", "Reshape", "Squeeze":
				return scoresOf(g, n.Inputs[0])
			}
		}
	}
	return ""
}

// ModelName returns the file's name without its extension.
func ModelName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// Name returns the observer's name.
func (m *Model) Name() string { return m.name }

// Batch returns the number of images that one run takes at most.
func (m *Model) Batch() int { return m.batch }

// Geometry says how images are brought to the model's size.
func (m *Model) Geometry() Geometry {
	return m.Preprocessing.geometry(m.input.width, m.input.height)
}

// Graph reads the model's graph from its file, for those who run it changed: it is the caller's own.
func (m *Model) Graph() (*graph.Graph, error) { return graph.Load(m.Path) }

// CompileOptions says how the model was compiled: threads, device, and Output as the one output. They are the caller's own.
func (m *Model) CompileOptions() engine.Options {
	o := m.compile
	o.Outputs = slices.Clone(o.Outputs)
	return o
}

// Channels returns the number of colour channels that the model takes, 3 or 1, and the axis of its input that they lie on, 1 or 3.
func (m *Model) Channels() (channels, axis int) {
	if m.input.channelsLast {
		return m.input.channels, 3
	}
	return m.input.channels, 1
}

// Input describes the model's one input.
func (m *Model) Input() graph.Value { return m.input.Value }

// Close frees the model.
func (m *Model) Close() error { return m.program.Close() }

// Answer runs the model on images of its size, in batches.
func (m *Model) Answer(ctx context.Context, images []*raster.Image) ([]Answer, error) {
	m.answers = m.answers[:0]
	for len(images) > 0 {
		n := min(m.batch, len(images))
		if err := m.answerBatch(ctx, images[:n]); err != nil {
			return nil, err
		}
		images = images[n:]
	}
	return m.answers, nil
}

func (m *Model) answerBatch(ctx context.Context, images []*raster.Image) error {
	values, classes, err := m.scores(ctx, images)
	if err != nil {
		return err
	}
	m.answers = m.read(m.answers, values, classes)
	return nil
}

// scores runs the model once and returns its class scores as they come, [image, class].
func (m *Model) scores(ctx context.Context, images []*raster.Image) (values []float64, classes int, err error) {
	in, err := m.feed.fill(m.input, m.Preprocessing, images)
	if err != nil {
		return nil, 0, fmt.Errorf("observer: %s: %w", m.Path, err)
	}
	m.outputs[0] = nil
	if err := m.program.Run(ctx, []*tensor.Tensor{in}, m.outputs); err != nil {
		return nil, 0, err
	}
	return m.rows(m.outputs[0], len(images))
}

// Pixels returns exactly these images, whatever batch the model fixes, as its input takes them: [image, channel, height, width] or channels
// last. The tensor is valid until the next call of Pixels or Answer. It reports an error where there is no image or one has another size.
func (m *Model) Pixels(images []*raster.Image) (*tensor.Tensor, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("observer: %s: a batch without images", m.Path)
	}
	in := m.input
	in.batch = 0
	t, err := m.feed.fill(in, m.Preprocessing, images)
	if err != nil {
		return nil, fmt.Errorf("observer: %s: %w", m.Path, err)
	}
	return t, nil
}

// Read returns the answers that class scores of n images, [image, class], as the model's Output gives them, mean. Where it is not settled yet
// what the scores are, these settle it. It reports an error where the shape is another.
func (m *Model) Read(scores *tensor.Tensor, n int) ([]Answer, error) {
	values, classes, err := m.rows(scores, n)
	if err != nil {
		return nil, err
	}
	return m.read(make([]Answer, 0, n), values, classes), nil
}

// rows returns the first n rows of an output [image, class] or [image, class, 1, 1].
func (m *Model) rows(out *tensor.Tensor, n int) (values []float64, classes int, err error) {
	shape := out.Shape()
	if len(shape) < 2 || shape[0] < n || out.Len() != shape[0]*shape[1] {
		return nil, 0, fmt.Errorf("observer: %s: output %q has shape %v, expected [%d, classes]", m.Path, m.Output, shape, n)
	}
	return out.Floats()[:n*shape[1]], shape[1], nil
}

// read appends the answers that rows of scores mean.
func (m *Model) read(answers []Answer, values []float64, classes int) []Answer {
	if m.Scores == "" {
		m.Scores = guessScores(values, classes)
	}
	for row := range slices.Chunk(values, classes) {
		answers = append(answers, Answer{m.Scores.probabilities(row)})
	}
	return answers
}

// guessScores looks at a batch [image, class]: rows of 0..1 that sum to 1 are probabilities, rows whose exponentials do are their logarithms.
func guessScores(values []float64, classes int) Scores {
	probabilities, logarithms := true, true
	for row := 0; row < len(values); row += classes {
		sum, expSum := 0.0, 0.0
		for _, v := range values[row : row+classes] {
			sum += v
			expSum += math.Exp(v)
			probabilities = probabilities && v >= -1e-3 && v <= 1+1e-3
			logarithms = logarithms && v <= 1e-3
		}
		probabilities = probabilities && math.Abs(sum-1) < 1e-2
		logarithms = logarithms && math.Abs(expSum-1) < 1e-2
	}
	switch {
	case probabilities:
		return Probabilities
	case logarithms:
		return LogProbabilities
	}
	return Logits
}

// probabilities turns one row of scores into probabilities.
func (s Scores) probabilities(row []float64) []float32 {
	out := make([]float32, len(row))
	if s == Probabilities {
		for i, v := range row {
			out[i] = float32(v)
		}
		return out
	}
	most := math.Inf(-1)
	for _, v := range row {
		most = max(most, v)
	}
	sum := 0.0
	for i, v := range row {
		row[i] = math.Exp(v - most)
		sum += row[i]
	}
	for i, v := range row {
		out[i] = float32(v / sum)
	}
	return out
}
