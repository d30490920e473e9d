package adapt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"

	"visus/observer"
	"visus/stimulus/raster"
)

// Images is a set that can be walked over, more than once where a method needs it; a stimulus.Source is one. Image is called from several
// goroutines, and not twice for an image in one walk.
type Images interface {
	Len() int
	Image(i int) (*raster.Image, error)
}

// shuffled returns the places of n images in an order that depends on the seed alone. Sets often lie class by class, and batches of one class
// have other statistics than the set.
func shuffled(n int, seed uint64) []int { return rand.New(rand.NewPCG(seed, 0)).Perm(n) }

// walk shows the images at the places of order, size at a time, fitted to the model. The next batch is loaded by all cores while one is shown.
func walk(ctx context.Context, images Images, fit observer.Geometry, order []int, size int, show func([]*raster.Image) error) error {
	loaded := make(chan []*raster.Image)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(loaded)
		for at := 0; at < len(order); at += size {
			batch, err := load(ctx, images, fit, order[at:min(at+size, len(order))])
			if err != nil {
				return err
			}
			select {
			case loaded <- batch:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for batch := range loaded {
			if err := show(batch); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func load(ctx context.Context, images Images, fit observer.Geometry, places []int) ([]*raster.Image, error) {
	batch := make([]*raster.Image, len(places))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for k, i := range places {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			image, err := images.Image(i)
			if err != nil {
				return fmt.Errorf("adapt: image %d: %w", i, err)
			}
			batch[k] = fit.Fit(image)
			return nil
		})
	}
	return batch, group.Wait()
}
