package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// python is a script at work that answers each line with one of JSON. Its first line names versions.
type python struct {
	command  *exec.Cmd
	requests io.WriteCloser
	answers  *bufio.Reader
	versions []string
}

// order is one line to bench/corruptions.py.
type order struct {
	Package    string `json:"package"`
	Corruption string `json:"corruption"`
	Size       int    `json:"size"`
	Repeats    int    `json:"repeats"`
}

// startPython starts a script.
func startPython(ctx context.Context, interpreter, script string, arguments ...string) (*python, error) {
	if _, err := os.Stat(interpreter); err != nil {
		return nil, fmt.Errorf("%s is missing: run scripts/bench.sh, which sets the packages up that %s needs", interpreter, script)
	}
	p := &python{command: exec.CommandContext(ctx, interpreter, append([]string{script}, arguments...)...)}
	p.command.Env = append(os.Environ(), "OPENCV_LOG_LEVEL=ERROR")
	p.command.Stderr = os.Stderr
	var err error
	if p.requests, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	var hello struct{ Versions []string }
	if err := p.answer(&hello); err != nil {
		p.close()
		return nil, err
	}
	p.versions = hello.Versions
	return p, nil
}

// close ends the script.
func (p *python) close() error {
	p.requests.Close()
	return p.command.Wait()
}

func (p *python) answer(to any) error {
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s ended without an answer: %w", strings.Join(p.command.Args, " "), err)
	}
	return json.Unmarshal(line, to)
}

// ask writes a line and reads the answer to it.
func (p *python) ask(line string, to any) error {
	if _, err := io.WriteString(p.requests, line+"\n"); err != nil {
		return err
	}
	return p.answer(to)
}

// refusal is what a package says of a corruption that it cannot do.
type refusal string

func (r refusal) Error() string { return string(r) }

// time has the script corrupt and returns how long that took. A refusal is an error of that type.
func (p *python) time(o order) (time.Duration, error) {
	line, err := json.Marshal(o)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Seconds float64
		Error   string
	}
	if err := p.ask(string(line), &answer); err != nil {
		return 0, err
	}
	if answer.Error != "" {
		return 0, refusal(answer.Error)
	}
	return time.Duration(answer.Seconds * float64(time.Second)), nil
}
