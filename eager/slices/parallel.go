package slices

import (
	"runtime"
	"sync"
)

// parallel runs f over parts of n on all cores, or at once where n is below the grain.
func parallel(n, grain int, f func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n/grain)
	if workers < 2 {
		f(0, n)
		return
	}
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() { f(n*w/workers, n*(w+1)/workers) })
	}
	done.Wait()
}
