"""The last backstop: a monthly budget of what carries the stage's tag. It only tells; LLManager's own caps stop things.

AWS counts a tag in budgets once it is activated as a cost allocation tag, which an account does once by hand.
"""

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from infra import names
from infra.options import Options

TELLS_AT_PERCENT = (("ACTUAL", 50), ("ACTUAL", 100), ("FORECASTED", 100))


class Budget(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options, topic_arn: str) -> None:
        super().__init__(scope, identifier)
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=names.prefixed(options.stage, "monthly"),
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=options.monthly_budget_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:{names.STAGE_TAG}${options.stage}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic_arn)],
                )
                for kind, percent in TELLS_AT_PERCENT
            ],
        )
