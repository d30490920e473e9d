package train_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
	"visus/train"
)

// disc is a data set of our own: points of the plane, which are of class 1 within a circle.
type disc struct{}

func (disc) Len() int { return 2000 }

// Filler returns what writes the item into a row of a batch, whose tensors are the network's inputs in their order.
func (disc) Filler() (train.Filler, error) {
	return func(batch []*tensor.Tensor, row, item int, _ uint64) error {
		random := rand.New(rand.NewPCG(uint64(item), 1))
		x, y := 2*random.Float64()-1, 2*random.Float64()-1
		copy(tensor.Values[float32](batch[0])[2*row:], []float32{float32(x), float32(y)})
		tensor.Values[int64](batch[1])[row] = 0
		if x*x+y*y < 0.5 {
			tensor.Values[int64](batch[1])[row] = 1
		}
		return nil
	}, nil
}

// network writes the network as it is trained, or as it is used: for any batch, without labels.
func network(training bool) (*nn.Network, error) {
	n := nn.New("disc", nn.Options{Training: training, Seed: 1})
	rows := graph.Dim{Symbol: "batch"}
	if training {
		rows = graph.Dim{Size: 50}
	}
	x := n.Input("points", tensor.Float32, rows, graph.Dim{Size: 2})
	logits := n.Linear("out", n.Relu(n.Linear("hidden", x, 32, nn.Linear{})), 2, nn.Linear{})
	n.Output("logits", logits)
	if training {
		labels := n.Input("labels", tensor.Int64, rows)
		n.Output("loss", n.CrossEntropy(logits, labels, 0))
		n.Output("accuracy", n.Accuracy(logits, labels))
	}
	return n.Finish()
}

// A network of our own learns a data set of our own, and becomes an ONNX file.
func Example() {
	if err := learn(context.Background(), filepath.Join(os.TempDir(), "disc.onnx")); err != nil {
		fmt.Println(err)
	}
}

func learn(ctx context.Context, file string) error {
	e, err := choice.Open(choice.Options{}) // oneDNN for what learns, where it is there
	if err != nil {
		return err
	}
	training, err := network(true)
	if err != nil {
		return err
	}
	step, err := training.Step("loss", nn.Adam{}, nn.StepOptions{})
	if err != nil {
		return err
	}
	const epochs = 20
	result, err := train.Run{
		Step: train.StepOf(step, training, "accuracy"), Data: disc{}, Epochs: epochs, Seed: 1,
		Schedule: nn.Cosine(0.01, 0, epochs*disc{}.Len()/50),
	}.Train(ctx, e)
	if err != nil {
		return err
	}
	last := result.History[epochs-1]
	fmt.Printf("loss %.3f, accuracy %.3f\n", last.Loss, last.Metrics[0])

	used, err := network(false)
	if err != nil {
		return err
	}
	if err := nn.Assign(used.Graph, result.Network); err != nil {
		return err
	}
	return used.Graph.Save(file, graph.SaveOptions{})
}

func TestExample(t *testing.T) {
	choicetest.Open(t, choice.Auto)
	file := filepath.Join(t.TempDir(), "disc.onnx")
	if err := learn(context.Background(), file); err != nil {
		t.Fatal(err)
	}
	g, err := graph.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := graph.ShapeText(g.Inputs[0].Shape); len(g.Inputs) != 1 || got != "[batch, 2]" {
		t.Errorf("the file takes %d inputs, the first of %s; expected one of [batch, 2]", len(g.Inputs), got)
	}
}
