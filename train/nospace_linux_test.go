package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"visus/tensor"
)

// TestNoSpace trains into a file system that is full: the message says what could not be written, and with room the run goes on.
func TestNoSpace(t *testing.T) {
	e := open(t)
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	folder, filler := filepath.Join(disk, "run"), filepath.Join(disk, "filler")
	r := fit(t, folder)
	r.Every = time.Nanosecond
	r.Validate = validated(1, 2, 3)
	measure := r.Validate.Measure
	r.Validate.Measure = func(ctx context.Context, network map[string]*tensor.Tensor) ([]float64, error) { // fills the disk after the first epoch
		if err := os.WriteFile(filler, make([]byte, 1<<20), 0o666); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the file system did not fill up: %v", err)
		}
		return measure(ctx, network)
	}
	_, err := r.Train(context.Background(), e)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), folder) {
		t.Fatalf("got %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	r.Validate = validated(1, 2, 3)
	whole := fit(t, t.TempDir())
	whole.Validate = validated(1, 2, 3)
	same(t, "after the disk was full", train(t, r).Network, train(t, whole).Network)
	sameFiles(t, folder, whole.Folder, MetricsFile)
}
