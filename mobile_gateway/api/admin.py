"""Causing faults on purpose: how unreliable the network is, what the next attempts to a number come to, and limits."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from fastapi import Path as PathPart
from pydantic import BaseModel, ConfigDict, Field

from mobile_gateway.api.access import TheNetwork, TheNumber, TheSettings, an_admin
from mobile_gateway.api.problems import Problem, Refused
from mobile_gateway.carrier.faults import AccountRules, Fate, Faults, Script, Step

admin = APIRouter(prefix="/admin", tags=["admin"], dependencies=[Depends(an_admin)])

Chance = Annotated[float, Field(ge=0, le=1)]
PerSecond = Annotated[float, Field(ge=0, le=1_000_000, description="0 is no limit.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultsIn(_Body):
    """How unreliable the network is. The same seed and the same submissions afterwards make the same history."""

    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    latency_ms: Annotated[int, Field(ge=0, le=600_000, description="Each message takes half to 1.5 times this.")] = 0
    loss: Annotated[Chance, Field(description="How often an attempt gets lost before the handset.")] = 0
    duplicate: Annotated[
        Chance, Field(description="How often a handset's acknowledgement is lost, or a receipt told twice.")
    ] = 0
    reorder: Annotated[Chance, Field(description="How often a message is overtaken, by up to 2 s.")] = 0
    rate_per_second: Annotated[PerSecond, Field(description="How many attempts the air takes; 0 is no limit.")] = 0

    @classmethod
    def of(cls, faults: Faults) -> Self:
        return cls(
            seed=faults.seed,
            latency_ms=faults.latency_ms,
            loss=faults.loss,
            duplicate=faults.duplicate,
            reorder=faults.reorder,
            rate_per_second=faults.rate_per_second,
        )


class StepIO(_Body):
    """The next `times` attempts come to `fate`."""

    fate: Fate
    times: Annotated[int, Field(ge=1, le=1000)] = 1


class ScriptIO(_Body):
    """What the next attempts to one number come to, in order; none means that it answers by itself."""

    steps: Annotated[list[StepIO], Field(max_length=100)]

    @classmethod
    def of(cls, script: Script) -> Self:
        return cls(steps=[StepIO(fate=step.fate, times=step.times) for step in script.steps])


class RulesIO(_Body):
    """What one account is held to; null leaves the network's own limit."""

    submits_per_second: PerSecond | None = None
    queue_max: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    throttle_next: Annotated[
        int, Field(ge=0, le=1_000_000, description="So many submissions are refused as too fast, whatever their pace.")
    ] = 0

    @classmethod
    def of(cls, rules: AccountRules) -> Self:
        return cls(
            submits_per_second=rules.submits_per_second, queue_max=rules.queue_max, throttle_next=rules.throttle_next
        )


@admin.get("/faults")
async def faults(network: TheNetwork) -> FaultsIn:
    """The faults in force."""
    return FaultsIn.of(await network.faults())


@admin.put("/faults")
async def put_faults(body: FaultsIn, network: TheNetwork) -> FaultsIn:
    """Put these in force from the next message on. Putting the same again starts the same history again."""
    return FaultsIn.of(await network.set_faults(Faults(**body.model_dump())))


@admin.get("/scripts/{number}")
async def script(number: TheNumber, network: TheNetwork) -> ScriptIO:
    """What is left of a number's script."""
    return ScriptIO.of(await network.script(number))


@admin.put("/scripts/{number}")
async def put_script(number: TheNumber, body: ScriptIO, network: TheNetwork) -> ScriptIO:
    """Give a number a script; one without steps ends it."""
    put = Script(tuple(Step(step.fate, step.times) for step in body.steps))
    await network.set_script(number, put)
    return ScriptIO.of(put)


async def _known_account(system_id: Annotated[str, PathPart()], settings: TheSettings) -> str:
    if system_id not in settings.accounts:
        raise Refused(Problem.NOT_FOUND, "This network has no account of that system id; see its settings.")
    return system_id


KnownAccount = Annotated[str, Depends(_known_account)]


@admin.get("/accounts/{system_id}")
async def rules(account: KnownAccount, network: TheNetwork) -> RulesIO:
    """What an account is held to."""
    return RulesIO.of(await network.rules(account))


@admin.put("/accounts/{system_id}")
async def put_rules(account: KnownAccount, body: RulesIO, network: TheNetwork) -> RulesIO:
    """Hold an account to these limits."""
    put = AccountRules(**body.model_dump())
    await network.set_rules(account, put)
    return RulesIO.of(put)
