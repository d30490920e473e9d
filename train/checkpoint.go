package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"visus/engine"
	"visus/internal/atomicfile"
	"visus/tensor"
	"visus/train/safetensors"
)

// CheckpointFolder is the folder of checkpoints within Run.Folder. Each is one safetensors file, "step-00001234.safetensors": all states under
// their inputs' names and, as JSON in its metadata, the position of the loop. It needs no generator's state: every random stream is derived
// from the seed and its own place.
const CheckpointFolder = "checkpoints"

const (
	checkpointPrefix = "step-"
	checkpointSuffix = ".safetensors"
	positionKey      = "visus.train" // of the position in the metadata
)

// position is where the loop stands: with the states, all that an interrupted run needs to go on.
type position struct {
	Step    int     // steps taken
	Rows    int     // of metrics.csv
	Window  sums    // since the last row of metrics.csv
	Epoch   sums    // since the epoch's beginning
	History []Epoch // the epochs that are over, validated where asked for
	Best    int     // 1 + the index of the best in History; 0: none yet
	Plan    plan
}

// plan is what must not change between the parts of a run.
type plan struct {
	Seed         uint64
	Items, Batch int
}

// sums gather the means of the scalars.
type sums struct {
	Steps int
	Sums  []float64
}

func (s sums) means() []float64 {
	out := make([]float64, len(s.Sums))
	for i, v := range s.Sums {
		out[i] = v / float64(max(s.Steps, 1))
	}
	return out
}

func newSums(n int) sums { return sums{Sums: make([]float64, n)} }

func (p position) bestStep() int {
	if p.Best == 0 {
		return 0
	}
	return p.History[p.Best-1].Step
}

// shelf is the folder of checkpoints.
type shelf struct {
	dir  string
	keep int // how many of the newest stay
}

func (s *shelf) path(step int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s%08d%s", checkpointPrefix, step, checkpointSuffix))
}

// save writes a checkpoint, then takes away those that are neither among the newest keep nor the best.
func (s *shelf) save(p position, states map[string]*tensor.Tensor) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	path := s.path(p.Step)
	err = atomicfile.Write(path, func(w io.Writer) error {
		return safetensors.Write(w, safetensors.File{Tensors: states, Metadata: map[string]string{positionKey: string(text)}})
	})
	if err != nil {
		return fmt.Errorf("train: checkpoint %s of %s: %w", path, megabytes(states), err)
	}
	steps, err := s.steps()
	if err != nil {
		return err
	}
	for _, step := range steps[:max(0, len(steps)-s.keep)] {
		if step == p.bestStep() {
			continue
		}
		if err := os.Remove(s.path(step)); err != nil {
			return fmt.Errorf("train: an old checkpoint: %w", err)
		}
	}
	return nil
}

func megabytes(states map[string]*tensor.Tensor) string {
	n := 0
	for _, t := range states {
		n += len(t.Bytes())
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// steps lists the checkpoints, oldest first.
func (s *shelf) steps() ([]int, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var steps []int
	for _, e := range entries {
		var step int
		if _, err := fmt.Sscanf(e.Name(), checkpointPrefix+"%d"+checkpointSuffix, &step); err == nil && s.path(step) == filepath.Join(s.dir, e.Name()) {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// clean makes the folder, and takes away what a killed process left half written.
func (s *shelf) clean() error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+checkpointPrefix) && atomicfile.IsTemporary(e.Name()) {
			if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
				return fmt.Errorf("train: %w", err)
			}
		}
	}
	return nil
}

// load reads a checkpoint and makes sure that it is one of these states, and of a run that was planned as the one at the given position.
func (s *shelf) load(step int, states []engine.StatePort, run position) (position, map[string]*tensor.Tensor, error) {
	path := s.path(step)
	fail := func(err error) (position, map[string]*tensor.Tensor, error) {
		return position{}, nil, fmt.Errorf("train: checkpoint %s: %w", path, err)
	}
	file, err := safetensors.Open(path)
	if err != nil {
		return fail(fmt.Errorf("%w; without this file the training goes on from the one before", err))
	}
	if err := sameNetwork(states, file.Tensors); err != nil {
		return fail(err)
	}
	var p position
	if err := json.Unmarshal([]byte(file.Metadata[positionKey]), &p); err != nil {
		return fail(fmt.Errorf("no position of a training in its metadata: %w", err))
	}
	if want := run.Plan; p.Plan != want {
		return fail(fmt.Errorf("it belongs to seed %d, %d items and batches of %d, expected seed %d, %d items and batches of %d",
			p.Plan.Seed, p.Plan.Items, p.Plan.Batch, want.Seed, want.Items, want.Batch))
	}
	scalars := len(run.Epoch.Sums)
	if p.Step != step || len(p.Window.Sums) != scalars || len(p.Epoch.Sums) != scalars || p.Best < 0 || p.Best > len(p.History) {
		return fail(errors.New("its position contradicts its name or the step's metrics"))
	}
	return p, file.Tensors, nil
}

// sameNetwork compares the tensors of a checkpoint with the states, and names the first that differs.
func sameNetwork(states []engine.StatePort, found map[string]*tensor.Tensor) error {
	for _, s := range states {
		t, ok := found[s.Input.Name]
		if !ok {
			return fmt.Errorf("it belongs to another network or optimiser: tensor %q expected, not found", s.Input.Name)
		}
		if err := engine.CheckState(s, t); err != nil {
			return fmt.Errorf("it belongs to another network: %w", err)
		}
	}
	if len(found) > len(states) {
		for _, s := range states {
			delete(found, s.Input.Name)
		}
		return fmt.Errorf("it belongs to another network or optimiser: tensor %q is unknown to this one", slices.Sorted(maps.Keys(found))[0])
	}
	return nil
}
