package library

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var nothing = Library{Title: "Nothing", Variable: "VISUS_TEST_NOTHING", Base: "visusnothing"}

func file(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("module visus\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// name is the file name of the library on this system.
func name(l Library) string { return l.patterns(runtime.GOOS)[0] }

func TestVariable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd [name]*")
	want := file(t, filepath.Join(dir, name(nothing)))
	for _, value := range []string{want, dir} {
		t.Setenv(nothing.Variable, value)
		got, tried, err := nothing.Find()
		if err != nil || got != want || len(tried) != 1 || tried[0].Origin != nothing.Variable {
			t.Errorf("%s: found %q, %v, %v", value, got, tried, err)
		}
	}
	t.Setenv(nothing.Variable, filepath.Join(dir, "absent"))
	_, _, err := nothing.Find()
	if err == nil || !strings.Contains(err.Error(), "VISUS_TEST_NOTHING is set to") || !strings.Contains(err.Error(), "make runtime") {
		t.Errorf("a wrong variable reports %v", err)
	}
}

func TestCheckoutThenCache(t *testing.T) {
	t.Setenv(nothing.Variable, "")
	root := t.TempDir()
	t.Setenv("HOME", root)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, "cache"))
	file(t, filepath.Join(root, "visus", "go.mod"))
	deep := filepath.Join(root, "visus", "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)

	_, tried, err := nothing.Find()
	var missing *NotFoundError
	if !errors.As(err, &missing) || len(tried) < 4 || !strings.Contains(err.Error(), "make runtime") {
		t.Fatalf("a missing library reports %v after %v", err, tried)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	inCache := file(t, filepath.Join(cache, "visus", "lib", name(nothing)))
	if got, _, err := nothing.Find(); err != nil || got != inCache {
		t.Errorf("found %q, %v, want %q", got, err, inCache)
	}
	inCheckout := file(t, filepath.Join(root, "visus", ".cache", "lib", name(nothing)))
	if got, tried, err := nothing.Find(); err != nil || got != inCheckout || tried[0].Origin != "checkout" {
		t.Errorf("found %q, %v, want %q", got, err, inCheckout)
	}
}

func TestHighestVersion(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("versions stand behind the extension on Linux only")
	}
	dir := t.TempDir()
	for _, version := range []string{"1.9.0", "1.30.0", "1.24.1"} {
		file(t, filepath.Join(dir, "libvisusnothing.so."+version))
	}
	if got := nothing.in(dir); !strings.HasSuffix(got, "1.30.0") {
		t.Errorf("found %q", got)
	}
	file(t, filepath.Join(dir, "libvisusnothing.so.2"))
	if got := nothing.in(dir); !strings.HasSuffix(got, ".so.2") {
		t.Errorf("found %q", got)
	}
	file(t, filepath.Join(dir, "libvisusnothing.so"))
	if got := nothing.in(dir); !strings.HasSuffix(got, ".so") {
		t.Errorf("found %q", got)
	}
}

func TestForeignCacheIsIgnored(t *testing.T) {
	root := t.TempDir()
	file(t, filepath.Join(root, ".cache", "lib", name(nothing)))
	if got := checkout(filepath.Join(root, "images")); strings.HasPrefix(got, root) {
		t.Errorf("a .cache outside a checkout of visus was taken: %s", got)
	}
}
