package stimulus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"visus/tensor"
)

// stacked is the number of severities that lie one behind the other in an array of CIFAR-10-C.
const stacked = 5

// openCIFARC opens a folder of labels.npy and one array a corruption: the same n images five times, severity 1 first
// (Hendrycks & Dietterich 2019). labels.npy holds n labels or, as published, 5·n. Rows are read from the files when they are asked for.
func openCIFARC(dir string, npys []string) (*Collection, error) {
	const labelFile = "labels.npy"
	if !slices.Contains(npys, labelFile) {
		return nil, fmt.Errorf("stimulus: folder %s holds arrays (%s) but no %s", dir, few(npys), labelFile)
	}
	t, err := tensor.ReadFile(filepath.Join(dir, labelFile))
	if err != nil {
		return nil, fmt.Errorf("stimulus: %w", err)
	}
	labels, err := integers(t)
	if err != nil {
		return nil, fmt.Errorf("stimulus: %s: %w", filepath.Join(dir, labelFile), err)
	}
	c := &Collection{Path: dir, Kind: "cifar-c"}
	for _, npy := range npys {
		if npy == labelFile {
			continue
		}
		conditions, err := openStack(filepath.Join(dir, npy), filepath.Base(dir), labels)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("stimulus: %s: %w", filepath.Join(dir, npy), err), c.Close())
		}
		c.Conditions = append(c.Conditions, conditions...)
	}
	if c.Conditions == nil {
		return nil, fmt.Errorf("stimulus: folder %s holds %s but no arrays of images", dir, labelFile)
	}
	return c, nil
}

// openStack opens one corruption: five conditions that read the same file.
func openStack(file, set string, labels []int) (conditions []Condition, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	all := array{file: file, name: set, bytes: f}
	counted := &counter{r: f}
	h, err := all.header(counted)
	if err != nil {
		return nil, err
	}
	if h.Type != tensor.Uint8 {
		return nil, fmt.Errorf("images of %s; expected uint8", h.Type)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if have := info.Size() - counted.n; have < all.total() {
		return nil, fmt.Errorf("the data ends after %d of %d bytes", have, all.total())
	}
	n := all.count / stacked
	if all.count%stacked != 0 || (len(labels) != n && len(labels) != all.count) {
		return nil, fmt.Errorf("%d images but %d labels; expected 5 severities of the labelled images one behind the other", all.count, len(labels))
	}
	corruption := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	for severity := range stacked {
		one := all
		one.base = counted.n + int64(severity)*int64(n)*int64(all.layout.size())
		one.count = n
		one.labels = labels[:n]
		if len(labels) == all.count {
			one.labels = labels[severity*n : (severity+1)*n]
		}
		if severity == 0 {
			one.open = append(one.open, f)
		}
		conditions = append(conditions, Condition{fmt.Sprintf("%s-%d", corruption, severity+1), &one})
	}
	return conditions, nil
}
