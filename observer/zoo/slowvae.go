package zoo

import (
	"fmt"
	"math"

	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

// SlowVAE is the variational autoencoder of Klindt et al. 2021 (arXiv 2007.10930) for pairs of consecutive frames of 64 × 64, with the loss of
// its repository. Images are in [0, 1]; even rows of a batch are the first frames of their pairs, odd rows the second ones. Gamma 0 makes it a
// β-VAE.
type SlowVAE struct {
	Channels int     // of the images, 1 or 3
	Latents  int     // numbers of a code
	Beta     float64 // weight of the normal prior
	Gamma    float64 // weight of the prior that is sparse over time
	Rate     float64 // λ, the rate of that Laplace prior
}

// PublishedSlowVAE has the settings of the paper, for images of one channel.
var PublishedSlowVAE = SlowVAE{Channels: 1, Latents: 10, Beta: 1, Gamma: 10, Rate: 6}

// What the training graph of a SlowVAE takes and gives besides Images and Loss. All but the first are scalars.
const (
	Noise          = "noise"          // input [batch, latents]: ε ~ N(0, 1) of z = μ + σε
	Reconstruction = "reconstruction" // output: -log p(x|z) of an image, mean over the batch, as are the next two
	Entropy        = "entropy"        // output: of the posterior
	Normal         = "normal"         // output: cross-entropy of the posterior to N(0, 1)
	Laplace        = "laplace"        // output: cross-entropies to the Laplace prior around the other frame's mean, both of a pair, mean over the pairs
)

const slowVAESide = 64

// Trained returns the network as it is trained: its parameters have the names of the repository, encoder.0.weight to decoder.11.bias. It reports
// an error for a batch that is not made of pairs.
func (v SlowVAE) Trained(seed uint64, batch int) (*nn.Network, error) {
	if batch < 2 || batch%2 != 0 {
		return nil, fmt.Errorf("zoo: slowvae: a batch of %d images, expected pairs of frames: an even number", batch)
	}
	n := nn.New("slowvae", nn.Options{Seed: seed, Training: true})
	x := n.Input(Images, tensor.Float32, graph.Dims(batch, v.Channels, slowVAESide, slowVAESide)...)
	noise := n.Input(Noise, tensor.Float32, graph.Dims(batch, v.Latents)...)
	mean, logVariance := v.Encode(n.In("encoder"), x)
	m := formula{n}
	deviation := m.exp(m.times(logVariance, 0.5))
	logits := v.Decode(n.In("decoder"), n.Add(mean, m.mul(deviation, noise)))
	v.loss(m, batch, x, logits, mean, logVariance, deviation)
	network, err := n.Finish()
	if err != nil {
		return nil, fmt.Errorf("zoo: slowvae: %w", err)
	}
	return network, nil
}

// Encode writes the means and the logarithms of the variances [batch, latents] of images [batch, channels, 64, 64].
func (v SlowVAE) Encode(n *nn.Net, images graph.Value) (mean, logVariance graph.Value) {
	x := images
	for i, l := range []struct{ out, stride, pad int }{{32, 2, 1}, {32, 2, 1}, {64, 2, 1}, {64, 2, 1}, {256, 1, 0}} {
		x = n.Relu(n.Conv(fmt.Sprint(2*i), x, l.out, nn.Conv{Kernel: 4, Stride: l.stride, Pad: l.pad, Weight: nn.He(), Bias: nn.Constant(0)}))
	}
	x = n.Linear("11", n.Flatten(x, 1), 2*v.Latents, nn.Linear{Weight: nn.He(), Bias: nn.Constant(0)})
	halves := n.Ops("Split", 2, []graph.Value{x, n.Ints(int64(v.Latents), int64(v.Latents))}, graph.Attribute{Name: "axis", Value: int64(1)})
	return halves[0], halves[1]
}

// Decode writes the logits [batch, channels, 64, 64] of codes [batch, latents]. The repository leaves PyTorch's initialisation to transposed
// convolutions.
func (v SlowVAE) Decode(n *nn.Net, codes graph.Value) graph.Value {
	x := n.Linear("0", codes, 256, nn.Linear{Weight: nn.He(), Bias: nn.Constant(0)})
	x = n.Op("Reshape", []graph.Value{x, n.Ints(-1, 256, 1, 1)})
	for i, l := range []struct{ out, stride, pad int }{{64, 1, 0}, {64, 2, 1}, {32, 2, 1}, {32, 2, 1}, {v.Channels, 2, 1}} {
		x = n.ConvTranspose(fmt.Sprint(2*i+3), n.Relu(x), l.out, nn.Conv{Kernel: 4, Stride: l.stride, Pad: l.pad})
	}
	return x
}

// loss writes, with means over rows (reconstruction, H, N) and over pairs (L):
//
//	loss = 2 · reconstruction + β (N - H) + γ (L - H)
//
// L is made of -log(λ/2) + λ E|N(d, σ²)| with d the difference to the other frame's mean and the mean of the folded normal distribution
// E|N(d, σ²)| = σ √(2/π) exp(-d²/2σ²) + d erf(d/(σ√2)). Both directions of a pair count, and gradients flow into both means.
func (v SlowVAE) loss(m formula, batch int, x, logits, mean, logVariance, deviation graph.Value) {
	rows := float64(batch)
	perRow := func(value graph.Value) graph.Value { return m.times(m.Sum(value), 1/rows) }
	reconstruction := m.times(m.Sum(m.BernoulliLogits(logits, x)), -1/rows)
	entropy := perRow(m.times(m.plus(logVariance, math.Log(2*math.Pi)+1), 0.5))
	normal := perRow(m.times(m.plus(m.Add(m.mul(mean, mean), m.mul(deviation, deviation)), math.Log(2*math.Pi)), 0.5))

	d := m.sub(mean, v.swapped(m.Net, mean))
	ratio := m.div(d, deviation)
	bell := m.mul(deviation, m.exp(m.times(m.mul(ratio, ratio), -0.5)))
	sides := m.mul(d, m.Op("Erf", []graph.Value{m.times(ratio, 1/math.Sqrt2)}))
	folded := m.Add(m.times(bell, math.Sqrt(2/math.Pi)), sides)
	laplace := m.times(perRow(m.plus(m.times(folded, v.Rate), -math.Log(v.Rate/2))), 2)

	toNormal, toLaplace := m.sub(normal, entropy), m.sub(laplace, entropy)
	m.Output(Loss, m.Add(m.times(reconstruction, 2), m.Add(m.times(toNormal, v.Beta), m.times(toLaplace, v.Gamma))))
	m.Output(Reconstruction, reconstruction)
	m.Output(Entropy, entropy)
	m.Output(Normal, normal)
	m.Output(Laplace, laplace)
}

// swapped exchanges the frames of each pair.
func (v SlowVAE) swapped(n *nn.Net, codes graph.Value) graph.Value {
	pairs := n.Op("Reshape", []graph.Value{codes, n.Ints(-1, 2, int64(v.Latents))})
	turned := n.Op("Slice", []graph.Value{pairs, n.Ints(1), n.Ints(-3), n.Ints(1), n.Ints(-1)})
	return n.Op("Reshape", []graph.Value{turned, n.Ints(-1, int64(v.Latents))})
}

// formula writes formulas.
type formula struct{ *nn.Net }

func (m formula) mul(a, b graph.Value) graph.Value { return m.Op("Mul", []graph.Value{a, b}) }
func (m formula) div(a, b graph.Value) graph.Value { return m.Op("Div", []graph.Value{a, b}) }
func (m formula) sub(a, b graph.Value) graph.Value { return m.Op("Sub", []graph.Value{a, b}) }
func (m formula) exp(a graph.Value) graph.Value    { return m.Op("Exp", []graph.Value{a}) }

func (m formula) times(a graph.Value, b float64) graph.Value {
	return m.mul(a, m.Scalar(tensor.Float32, b))
}
func (m formula) plus(a graph.Value, b float64) graph.Value {
	return m.Add(a, m.Scalar(tensor.Float32, b))
}
