"""The routes of models over SageMaker's host, an emulated account and a clock that a test moves."""

from dataclasses import replace

from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.admin import admin_routes
from llmanager.models.entities import Backend
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.data_path import FakeKeyring
from tests.fakes.sagemaker import STAGE, sagemaker_world
from tests.unit.api.models_house import House
from tests.unit.models.usecases.world import GREETER


class CloudHouse(House):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.account = sagemaker_world(self.clock)
        self.registry = replace(self.registry, hosts={Backend.SAGEMAKER: self.account.host}, stage=STAGE)
        self.serve({"model:read", "model:write"})

    def minutes(self, count: int) -> None:
        """The lifecycle looks at everything once a minute."""
        for _ in range(count):
            self.clock.advance(60)
            for model in list(self.registry.every()):
                self.reconcile(model.key)
            sweep(self.registry).check()

    def use(self) -> None:
        hold(self.registry, GREETER, "gateway", 60)
        let_go(self.registry, GREETER, "gateway")

    def admin_client(self):
        keyring = FakeKeyring(scopes={"admin"})
        routes = admin_routes(registry=self.registry, vdbs=tuple, keyring=keyring, new_id=self.registry.new_id)
        return TestClient(control_plane([routes], lambda: None, "1"), headers={"authorization": "Bearer acme"})

    def admin(self, verb, **body):
        answer = self.admin_client().post(f"/admin/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()
