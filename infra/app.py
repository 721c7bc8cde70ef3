"""The CDK app. `python -m infra.app -c stage=dev -c target=aws --out cdk.out/aws` writes its templates.

It needs Node, for CDK itself runs there, but neither credentials nor a network.
"""

import argparse
import sys
from collections.abc import Sequence

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra import names
from infra.options import BadOption, Options
from infra.stacks.service import ServiceStack
from infra.stacks.stateful import StatefulStack


def build(app: App) -> Options:
    """Fills the app with both stacks of a stage. Raises BadOption."""
    options = Options.from_context(app.node.try_get_context)
    stateful = StatefulStack(app, options)
    service = ServiceStack(app, options)
    service.add_stack_dependency(stateful)
    Tags.of(app).add(names.STAGE_TAG, options.stage)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
    return options


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.app", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", help="folder of the templates; cdk's own command names it by itself")
    asked = parser.parse_args(arguments)
    context = dict(pair.split("=", 1) for pair in asked.context)
    app = App(context=context or None, outdir=asked.out)
    try:
        build(app)
    except BadOption as error:
        print(f"infra: {error}", file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
