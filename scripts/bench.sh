#!/bin/sh
# Measures the speeds that the project claims: scripts/bench.sh [-only corruptions|inference|training|rescale|attack|memory|start] [-quick], see bench/main.go.
# For corruptions, training and rescaling it sets up the packages that they are compared with, in virtual environments under .cache: pip is needed,
# for corruptions and rescaling Python 3.11 and ImageMagick's libmagickwand.
set -eu

cd "$(dirname "$0")/.."
venv=.cache/bench-venv
pinned="numpy==1.24.2 scipy==1.10.1 scikit-image==0.19.3 opencv-python-headless==4.6.0.66 pillow==9.4.0 numba==0.57.1 wand==0.7.2 setuptools==65.5.0"
torch_venv=.cache/torch-venv
torch=2.15.0
foolbox=3.3.4
compared="imagenet-c==0.0.3 imagecorruptions==1.1.2" # without what they ask for: that would bring a second OpenCV

fail() {
	echo "bench: $1" >&2
	echo "bench: what needs no packages: scripts/bench.sh -only inference (or memory, or start)" >&2
	exit 1
}

set_up() {
	if [ "$(cat "$venv/installed" 2>/dev/null)" != "$pinned $compared" ]; then
		python=python3
		if command -v python3.11 >/dev/null 2>&1; then python=python3.11; fi
		command -v "$python" >/dev/null 2>&1 || fail "no python3 was found"
		echo "bench: setting up $venv with $("$python" --version)"
		rm -rf "$venv"
		"$python" -m venv "$venv" || fail "$python cannot make a virtual environment"
		# shellcheck disable=SC2086 # lists of packages
		"$venv/bin/pip" install --quiet --disable-pip-version-check $pinned &&
			"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps $compared ||
			fail "pip could not install the packages; these versions have wheels for Python 3.11"
		echo "$pinned $compared" >"$venv/installed"
	fi
	if ! "$venv/bin/python" -c 'import wand.image' >/dev/null 2>&1; then
		if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
			echo "bench: installing libmagickwand"
			apt-get install -y -qq --no-install-recommends libmagickwand-6.q16-6 >/dev/null ||
				fail "apt-get could not install libmagickwand-6.q16-6"
		else
			fail "ImageMagick's library is missing: apt-get install libmagickwand-6.q16-6, or brew install imagemagick@6"
		fi
	fi
}

set_up_torch() {
	found=$("$torch_venv/bin/python" -c 'from importlib.metadata import version; version("numpy"); print(version("torch"), version("foolbox"))' 2>/dev/null) || found=none
	if [ "$found" = "$torch $foolbox" ]; then return; fi
	command -v python3 >/dev/null 2>&1 || fail "no python3 was found"
	echo "bench: setting up $torch_venv with PyTorch $torch, some gigabytes"
	rm -rf "$torch_venv"
	python3 -m venv "$torch_venv" || fail "python3 cannot make a virtual environment"
	"$torch_venv/bin/pip" install --quiet --disable-pip-version-check "torch==$torch" numpy "foolbox==$foolbox" || fail "pip could not install PyTorch $torch and foolbox $foolbox"
}

case " $* " in
*" -only inference "* | *" -only memory "* | *" -only start "*) ;;
*" -only training "* | *" -only attack "*) set_up_torch ;;
*" -only corruptions "*) set_up ;;
*)
	set_up
	set_up_torch
	;;
esac
exec go run ./bench "$@"
