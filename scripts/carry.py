"""List the files of the hub that a scale needs, to carry them to a machine without network.

scripts/carry.py scale=paper > files                 # sha256 and place of each; sha256sum --check files, in the mirror
scripts/carry.py scale=paper --to /media/mirror      # with network: fetch what is missing there
scripts/carry.py scale=paper --check /shared/mirror  # without: is all there, and the pinned bytes?

DEEPCODER_MIRROR=/shared/mirror then makes every rule take its files from there.
"""

import argparse
import sys
from pathlib import Path

from deepcoder.config import compose_config, parse_overrides
from deepcoder.curation.carrying import bring, carried, faults, lines
from deepcoder.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/carry.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="of the configuration, for example scale=paper"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--to", type=Path, metavar="MIRROR", help="folder to bring the files to")
    what.add_argument("--check", type=Path, metavar="MIRROR", help="folder to check against the list")
    args = parser.parse_args()
    try:
        config = compose_config(parse_overrides(args.overrides))
        files, unpinned = carried(config)
        if args.to:
            bring(files, args.to)
        elif not args.check:
            sys.stdout.writelines(f"{line}\n" for line in lines(files))
        mirror = args.to or args.check
        wrong = [*unpinned, *(faults(files, mirror) if mirror else [])]
        if wrong:
            remedy = "make pin, with network, pins; make carry TO=FOLDER brings what is missing"
            raise UserError(
                "\n".join([f"{len(wrong)} files or repositories cannot be carried as pinned", *wrong, remedy])
            )
        if mirror:
            size = sum((mirror / file.place).stat().st_size for file in files)
            print(f"{mirror}: {len(files)} files, {size / 1e9:.1f} GB, all as pinned")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
