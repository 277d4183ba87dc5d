"""Turn the training state of a stage into a model in Hugging Face format, without a GPU or the trainer's ranks."""

from argparse import ArgumentParser

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.manifest import read_manifest
from deepcoder.rl.export import export_model


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("state", type=InputPath, help="manifest of train_stage.py")
    parser.add_argument("start", type=InputPath, help="manifest of the model that the stage started from")
    parser.add_argument("out", type=OutputPath, help="manifest of the model")


def work(job: Job) -> None:
    args = job.args
    export_model(read_manifest(args.state, "checkpoint"), read_manifest(args.start, "model"), args.out)


if __name__ == "__main__":
    run_door(work, arguments=arguments)
