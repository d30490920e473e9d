// Command visus is an eye examination for vision models: it shows images to them, clean and corrupted, and reports what they see.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"visus/internal/progress"
	"visus/internal/version"
	"visus/stimulus/augment"
	"visus/stimulus/degrade"
	"visus/study/adversarial"
	"visus/study/session"
	"visus/study/steps"
	"visus/study/training"
)

// Exit codes.
const (
	done        = 0
	failed      = 1
	wrongUsage  = 2
	interrupted = 130
)

// commands is the command line.
type commands struct {
	Examine  examineCommand  `cmd:"" help:"Examine models on a folder of images, clean and corrupted, and write a report."`
	Compare  compareCommand  `cmd:"" help:"Compare models with people, and with each other, on the same images."`
	Attack   attackCommand   `cmd:"" help:"Find how small a push breaks models."`
	Adapt    adaptCommand    `cmd:"" help:"Let a model's normalisation follow the images at hand; saves it, or shows what it gains."`
	Rescale  rescaleCommand  `cmd:"" help:"Make noise of exactly the announced size after clipping, and say what naive scaling loses."`
	Train    trainCommand    `cmd:"" help:"Train networks of our own."`
	Corrupt  corruptCommand  `cmd:"" help:"Write corrupted versions of images."`
	Generate generateCommand `cmd:"" help:"Make stimuli."`
	Describe describeCommand `cmd:"" help:"Say what a model takes, gives and is made of."`
	Doctor   doctorCommand   `cmd:"" help:"Say which libraries were found and what is missing."`
	Rerun    rerunCommand    `cmd:"" help:"Do again what a result folder holds, and compare what comes out."`
	Merge    mergeCommand    `cmd:"" help:"Put the shards of an examination together."`
	Bench    benchCommand    `cmd:"" help:"Measure how fast visus is on this machine."`

	Quiet   bool             `short:"q" help:"Print results and errors only."`
	Verbose bool             `short:"v" help:"Say what is being decided and why."`
	Version kong.VersionFlag `help:"Print the version."`
}

// terminal is where a command writes: results to Out, progress and remarks to Err.
type terminal struct {
	Out            io.Writer
	Err            *os.File
	Quiet, Verbose bool
}

// say prints a remark.
func (t terminal) say(format string, args ...any) {
	if !t.Quiet {
		fmt.Fprintf(t.Err, format+"\n", args...)
	}
}

func (t terminal) meter() progress.Meter {
	if t.Quiet {
		return progress.Silent()
	}
	return progress.New(t.Err)
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("visus"),
		kong.Description("visus is an eye examination for vision models.\n\n  visus examine resnet20.onnx --images cifar/ --out result/"),
		kong.Vars{
			"version": "visus " + version.String(), "networks": listed(training.Networks()), "optimisers": listed(training.Optimisers()),
			"schedules": listed(training.Schedules()), "augmentations": listed(augment.Names()),
			"steps": listed(steps.Names()), "engines": engines, "manipulations": listed(degrade.Names()),
			"attacks": listed(attackNames()), "usual": listed(adversarial.Usual),
		},
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "visus:", err)
		return failed
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help and --version
		return exit
	}
	if err != nil {
		return exitCode(usageError{err}, parser.Model, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	disarm := context.AfterFunc(ctx, func() {
		stop() // a second interrupt kills
		time.Sleep(grace)
		os.Exit(exitCode(ctx.Err(), parser.Model, args))
	})
	defer disarm() // before stop, which ends the context too
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(terminal{Out: os.Stdout, Err: os.Stderr, Quiet: c.Quiet, Verbose: c.Verbose})
	return exitCode(parsed.Run(), parser.Model, args)
}

// grace is how long an interrupted command may take to end by itself, such as to finish the batch that the engine is at. All that is written
// survives a kill, so nothing is lost by ending it then.
const grace = 800 * time.Millisecond

// listed writes names as enumerations of flags do.
func listed(names []string) string { return strings.Join(names, ", ") }

// commandOf returns the command that was meant ("train classifier"), with a space behind it, for the hint after a usage error.
func commandOf(program *kong.Application, args []string) string {
	meant, at := "", program.Node
	for _, arg := range args {
		for _, command := range at.Children {
			if command.Name == arg {
				meant, at = meant+arg+" ", command
				break
			}
		}
	}
	return meant
}

// usageError is a wrong use that parsing did not find.
type usageError struct{ error }

// errNothingKept is why a command stopped that was interrupted before it wrote anything.
var errNothingKept = errors.New("nothing is kept")

// exitCode prints an error and turns it into an exit code.
func exitCode(err error, program *kong.Application, args []string) int {
	var usage usageError
	switch {
	case err == nil:
		return done
	case errors.Is(err, errNothingKept):
		fmt.Fprintln(os.Stderr, "visus: interrupted; nothing is kept, the same command begins anew")
		return interrupted
	case errors.Is(err, session.ErrInterrupted), errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "visus: interrupted; what is done is kept, the same command goes on from there")
		return interrupted
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "visus: %v\ntry: visus %s--help\n", err, commandOf(program, args))
		return wrongUsage
	case errors.Is(err, syscall.ENOSPC):
		fmt.Fprintf(os.Stderr, "visus: %v; make room and give the same command again: what is done is kept\n", err)
		return failed
	}
	fmt.Fprintln(os.Stderr, "visus:", err)
	return failed
}
