// Package choicetest opens engines for tests.
package choicetest

import (
	"errors"
	"testing"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/library"
	"visus/engine/onednn/dnnl"
	"visus/engine/ort"
)

// Open opens the engine of one of choice.Names. It skips the test where a library is missing or this build cannot load it.
func Open(t testing.TB, name string) engine.Engine {
	t.Helper()
	e, err := choice.Open(choice.Options{Engine: name})
	var missing *library.NotFoundError
	if errors.As(err, &missing) || errors.Is(err, ort.ErrNoBinding) || errors.Is(err, dnnl.ErrNoBinding) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each runs the test on every engine, as a subtest of its name.
func Each(t *testing.T, test func(t *testing.T, e engine.Engine)) {
	for _, name := range []string{choice.ORT, choice.OneDNN} {
		t.Run(name, func(t *testing.T) { test(t, Open(t, name)) })
	}
}
