package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNoSpace examines into a file system that fills up: at once, and in the middle of the trials; with more room the run goes on.
func TestNoSpace(t *testing.T) {
	e := newExamination(t)
	disk := filepath.Join(e.dir, "disk")
	if err := os.Mkdir(disk, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	filler, folder := filepath.Join(disk, "filler"), filepath.Join(disk, "result-on-disk")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o666); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the file system did not fill up: %v", err)
	}
	e.fails(t, folder)
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder is left without a file in it: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	e.fails(t, folder)
	if n := bytesOf(filepath.Join(folder, "trials.part.csv")); n == 0 || n >= e.trials {
		t.Errorf("%d bytes of trials are kept, want some of %d", n, e.trials)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	if code := e.start(t, folder).end(nil); code != done {
		t.Fatalf("with more room it ended with %d", code)
	}
	e.compare(t, folder)
}

// fails runs the program on the full file system.
func (e *examinationRun) fails(t *testing.T, folder string) {
	t.Helper()
	p := e.start(t, folder)
	code := p.end(nil)
	const want = "no space left on device; make room and give the same command again: what is done is kept\n"
	if said := p.stderr.String(); code != failed || !strings.HasSuffix(said, want) || strings.Count("\n"+said, "\nvisus: ") != 1 {
		t.Errorf("it ended with %d and said\n%s", code, said)
	}
}
