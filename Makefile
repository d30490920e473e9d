# The commands one needs: make demo, make test, make ci, make bench, make fmt. What they fetch goes to .cache and the Go module cache.
# GOEXPERIMENT=simd compiles the vector code of internal/vec in; without it everything works, the corruptions 2 to 10 times slower.
export GOEXPERIMENT = simd
export GOFLAGS ?= -buildvcs=false

RESULT := result/demo
VISUS  := bin/visus
PACKAGES_WITH_GOROUTINES := ./trial/... ./stimulus/... ./observer/... ./engine/... ./train/... ./adapt/... ./study/... ./measure/bootstrap/... ./measure/agreement/... ./eager/... ./rescale/... ./internal/...

.PHONY: demo test test-gomlx bench ci runtime fmt lint fuzz race generated build clean

build: $(VISUS)

$(VISUS): FORCE
	go build -o $@ ./cmd/visus
FORCE:

## demo: set-up, a network trained on real handwritten digits, then the main job: its examination; prints where the report lies
demo: runtime build
	rm -rf $(RESULT)
	digits=$$(scripts/digits.sh) && \
	$(VISUS) train classifier --images "$$digits/train-images-idx3-ubyte.gz" --network cnn --size 32 --epochs 2 --out $(RESULT)/training && \
	$(VISUS) examine $(RESULT)/training/model.onnx --images "$$digits/t10k-images-idx3-ubyte.gz" --limit 1000 --out $(RESULT)/examination

## test: set-up and all tests
test: runtime
	go test -timeout 25m ./...

## test-gomlx: checks and tests the module eager/gomlx, whose dependencies visus does not have
test-gomlx:
	staticcheck=$$(go tool -n staticcheck) && cd eager/gomlx && go vet ./... && $$staticcheck ./... && go test -race ./...

race: runtime
	go test -race -short -timeout 20m $(PACKAGES_WITH_GOROUTINES)

## bench: every speed that is claimed, both sides in one run; writes docs/benchmarks.md
bench: runtime build
	scripts/bench.sh

## runtime: fetches ONNX Runtime and oneDNN into .cache/lib where it is missing
runtime:
	@scripts/runtime.sh

fmt:
	gofmt -w $$(git ls-files '*.go')

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

## generated: makes generated files again and fails where they differ
generated:
	go generate ./...
	git diff --exit-code -- '*.pb.go'

## fuzz: a minute for every parser
fuzz:
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep ^Fuzz); do \
			echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime 60s $$package || exit 1; \
		done; \
	done

## ci: what has to pass before a change lands
ci: lint generated test test-gomlx race demo
	GOEXPERIMENT= go test ./internal/vec/... ./stimulus/...
	@echo "ci: formatting, vet, staticcheck, generated files, tests, race run, demo and a build without vector code passed"

clean:
	rm -rf bin result
