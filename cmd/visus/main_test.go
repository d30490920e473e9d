package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"visus/engine/library"
	"visus/engine/onednn/dnnl"
	"visus/engine/ort"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"visus": main})
}

// TestScripts runs every script of testdata/script against the whole program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Condition: func(name string) (bool, error) {
			var err error
			switch name {
			case "onnxruntime":
				_, err = ort.Open(ort.Options{})
			case "onednn":
				_, err = dnnl.Open("")
			default:
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "files": files, "fingerprint": fingerprint,
		},
	})
}

// setUp makes the inputs, and tells the program, whose binary lies outside the checkout, where the libraries are.
func setUp(env *testscript.Env) error {
	for _, l := range []library.Library{library.ONNXRuntime, library.OneDNN} {
		if path, _, err := l.Find(); err == nil {
			env.Setenv(l.Variable, path)
		}
	}
	return makeInputs(env.WorkDir)
}

// exits runs a command that must end with an exit code: exits 2 visus examine. A failure must be told in one sentence, a wrong use with a hint below.
func exits(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	stderr := ts.ReadFile("stderr")
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if sentences := strings.Count("\n"+stderr, "\nvisus: "); code != 0 && sentences != 1 {
		ts.Fatalf("%d lines begin with \"visus: \", want one", sentences)
	}
	last := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	hint := strings.HasPrefix(last[len(last)-1], "try: visus ")
	if wrong := code == wrongUsage; hint != wrong {
		ts.Fatalf("the last line is %q; it is a hint: %t, want %t", last[len(last)-1], hint, wrong)
	}
}

// files compares the number of files below a folder with a pattern of their slash paths: files 12 corrupted fog/3/.*\.png
func files(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: files NUMBER FOLDER [PATTERN]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	pattern, err := regexp.Compile("^(?:" + strings.Join(append(args[2:], ".*")[:1], "") + ")$")
	ts.Check(err)
	var found []string
	ts.Check(walk(ts.MkAbs(args[1]), func(path string, _ []byte) {
		if pattern.MatchString(path) {
			found = append(found, path)
		}
	}))
	if len(found) != want {
		ts.Fatalf("%d files, want %d: %q", len(found), want, found)
	}
}

// fingerprint keeps the names and bytes of all files below a folder under a name, or, where the name is known, fails if they are different now.
func fingerprint(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: fingerprint NAME FOLDER")
	}
	var all bytes.Buffer
	ts.Check(walk(ts.MkAbs(args[1]), func(path string, data []byte) { fmt.Fprintf(&all, "%s %d\n%s\n", path, len(data), data) }))
	kept := ts.MkAbs(".fingerprint-" + args[0])
	before, err := os.ReadFile(kept)
	if errors.Is(err, fs.ErrNotExist) {
		ts.Check(os.WriteFile(kept, all.Bytes(), 0o666))
		return
	}
	ts.Check(err)
	if !bytes.Equal(before, all.Bytes()) {
		ts.Fatalf("the files of %s are not those of before", args[1])
	}
}

// walk visits the files below a folder in the order of their slash paths.
func walk(dir string, visit func(path string, data []byte)) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		visit(filepath.ToSlash(name), data)
		return err
	})
}
