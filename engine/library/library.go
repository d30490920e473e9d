// Package library finds the shared libraries that engines load at run time.
package library

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Library names a shared library and where a user may say it lies.
type Library struct {
	Title    string // for messages: "ONNX Runtime"
	Variable string // the environment variable that overrides the search: "VISUS_ONNXRUNTIME"
	Base     string // the file's name without prefix, extension and version: "onnxruntime"
}

// ONNXRuntime is the library of package ort.
var ONNXRuntime = Library{Title: "ONNX Runtime", Variable: "VISUS_ONNXRUNTIME", Base: "onnxruntime"}

// OneDNN is the library of package engine/onednn/dnnl.
var OneDNN = Library{Title: "oneDNN", Variable: "VISUS_ONEDNN", Base: "dnnl"}

// Place is a folder or file that was searched.
type Place struct {
	Path   string // the folder, or what the variable holds
	Origin string // why it was searched: "VISUS_ONNXRUNTIME", "checkout", "cache", "system"
	File   string // the library found there; empty where there is none
}

// NotFoundError says that no place holds the library, and what to do.
type NotFoundError struct {
	Library Library
	Tried   []Place
}

func (e *NotFoundError) Error() string {
	if len(e.Tried) == 1 && e.Tried[0].Origin == e.Library.Variable {
		return fmt.Sprintf("library: %s is set to %q, where no %s library is: correct it, or unset it and run `make runtime`",
			e.Library.Variable, e.Tried[0].Path, e.Library.Title)
	}
	return fmt.Sprintf("library: %s was not found in %d places: run `make runtime` in the checkout of visus, or set %s to the library's file",
		e.Library.Title, len(e.Tried), e.Library.Variable)
}

// Find returns the first of the library's places that holds it, and every place up to that one in the order of search: what the
// environment variable names (a file or a folder; nothing else is searched where it is set), .cache/lib of the checkout around the
// working directory and around the executable, visus/lib in the user's cache directory, the system's folders.
// A *NotFoundError reports that there is none.
func (l Library) Find() (path string, tried []Place, err error) {
	if value := os.Getenv(l.Variable); value != "" {
		tried = []Place{{Path: value, Origin: l.Variable, File: l.in(value)}}
	} else {
		for _, p := range places() {
			p.File = l.in(p.Path)
			tried = append(tried, p)
			if p.File != "" {
				break
			}
		}
	}
	if n := len(tried); n > 0 && tried[n-1].File != "" {
		return tried[n-1].File, tried, nil
	}
	return "", tried, &NotFoundError{Library: l, Tried: tried}
}

// in returns the library that path is or, where path is a folder, holds: the plain name first, else the highest version.
func (l Library) in(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if !info.IsDir() {
		return path
	}
	for _, pattern := range l.patterns(runtime.GOOS) {
		files, err := filepath.Glob(filepath.Join(escape(path), pattern))
		if err == nil && len(files) > 0 {
			return slices.MaxFunc(files, func(a, b string) int { return slices.Compare(version(a), version(b)) })
		}
	}
	return ""
}

// version lists the numbers between the dots of a file's name: 3, 6 of libdnnl.so.3.6.
func version(path string) []int {
	var out []int
	for _, part := range strings.Split(filepath.Base(path), ".") {
		if n, err := strconv.Atoi(part); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func (l Library) patterns(system string) []string {
	switch system {
	case "darwin", "ios":
		return []string{"lib" + l.Base + ".dylib", "lib" + l.Base + ".*.dylib"}
	case "windows":
		return []string{l.Base + ".dll"}
	}
	return []string{"lib" + l.Base + ".so", "lib" + l.Base + ".so.*"}
}

// escape quotes what filepath.Glob would take for a pattern.
func escape(path string) string {
	if runtime.GOOS == "windows" {
		return path // there a backslash separates folders
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// places lists the folders to search, each once, without those of the environment variable.
func places() []Place {
	var out []Place
	add := func(path, origin string) {
		if path != "" && !slices.ContainsFunc(out, func(p Place) bool { return p.Path == path }) {
			out = append(out, Place{Path: path, Origin: origin})
		}
	}
	if dir, err := os.Getwd(); err == nil {
		add(checkout(dir), "checkout")
	}
	if file, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(file); err == nil {
			file = real
		}
		add(checkout(filepath.Dir(file)), "checkout")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		add(filepath.Join(dir, "visus", "lib"), "cache")
	}
	for _, dir := range system() {
		add(dir, "system")
	}
	return out
}

// checkout returns .cache/lib of the checkout of visus that dir lies in, empty where it lies in none. Only a folder whose go.mod is
// ours counts: a library must not be loaded because somebody put a .cache into a folder above the user's.
func checkout(dir string) string {
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(data, []byte("module visus\n")) {
			return filepath.Join(dir, ".cache", "lib")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// system lists the folders of the loader's own variable and the usual ones of package managers.
func system() []string {
	switch runtime.GOOS {
	case "darwin":
		return append(filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH")), "/opt/homebrew/lib", "/usr/local/lib")
	case "windows":
		return filepath.SplitList(os.Getenv("PATH"))
	}
	triplet := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
	return append(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")),
		"/usr/local/lib", "/usr/lib/"+triplet, "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib")
}
