"""The images that the Docker tests run.

What has to be fetched, the base and the packages on it, is fetched once, by an engine that reaches the package sources, and
kept as archives below build/docker. The programs of the build under test are put on top anew in each run: two seconds."""

import hashlib
import pathlib
import shutil

import engine

WOBBLE = "wobble:test"
RUNTIME = "wobble-runtime:test"
LAB = "wobble-lab:latest"
DOCKERFILE = engine.ROOT / "docker" / "Dockerfile"
LAB_FOLDER = engine.ROOT / "docker" / "lab"


def prepare():
    """Sees to it that load() finds everything in build/docker. Needs the package sources in the first run only."""
    if engine.kept(_archive()):
        return
    with engine.Engine(network="host") as docker:
        docker.load_base()
        build(docker, RUNTIME, "runtime")
        docker.docker("build", "--network", "host", "-t", LAB, LAB_FOLDER, timeout=1800)
        docker.keep(_archive(), [engine.BASE, RUNTIME, LAB])


def load(docker):
    """The base, and the image around the programs of the build under test (WOBBLE_BUILD)."""
    docker.load(_archive())
    programs = docker.folder / "context" / "build" / "release"
    programs.mkdir(parents=True)
    for name in ("wobbled", "wobble"):
        shutil.copy(pathlib.Path(engine.harness.BUILD) / name, programs)
    build(docker, WOBBLE, "prebuilt", "--build-arg", f"RUNTIME={RUNTIME}", context=docker.folder / "context")


def build(docker, image, target, *options, context=engine.ROOT):
    docker.docker("build", "--network", "host", "-f", DOCKERFILE, "--target", target, "-t", image, *options, context,
                  timeout=1800)


def _archive():
    """Its name tells what the images in it are made of."""
    sources = DOCKERFILE.read_text().split("AS compile")[0] + (LAB_FOLDER / "Dockerfile").read_text()
    return "images." + hashlib.sha256(sources.encode()).hexdigest()[:16]
