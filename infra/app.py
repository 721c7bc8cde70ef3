"""The CDK app, as the `cdk` command runs it (cdk.json); `./run.sh synth` makes its templates without that command.

It needs Node, for CDK itself runs there, but neither credentials nor a network.
"""

import sys

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
    review(app)
    return options


def review(app: App) -> None:
    """From now on nothing is synthesised that cdk-nag finds fault with, unless the fault was accepted (review.py)."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))


def main() -> int:
    app = App()
    try:
        build(app)
    except BadOption as error:
        print(f"infra: {error}", file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
