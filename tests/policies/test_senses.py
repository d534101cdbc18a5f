"""Senses tell what a slow oracle tells, remember within an episode alone, and are off unless asked for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from evo_hns.config import SmallPolicyConfig
from evo_hns.experiment import load_experiment
from evo_hns.policies import build_policy
from evo_hns.policies.features import BOX, FOOD, HIDDEN, MATE, NUM_SELF, OPPONENT, RAMP, encode, num_sectors
from evo_hns.policies.senses import Senses, num_sense_cells, perceive, sense_widths
from evo_hns.spec import ObjectColumns, ObservationSpec

ALL = {"openings": 2, "doors": 2, "last_seen": 1, "nearest": 1}
SPEC = ObservationSpec(2, 2, 3, 2, 30, ObjectColumns(has_size=True), ObjectColumns(has_size=True), num_food=2)
KINDS = {"opponents": OPPONENT, "boxes": BOX, "ramps": RAMP, "food": FOOD}


class PlainAgent:
    """Where one agent saw things, step by step in Python."""

    def __init__(self):
        self.known = {}

    def offset(self, me, at):
        """Forward, left and distance of a place."""
        way = complex(at[0] - me[0] - 0.15, at[1] - me[1] - 0.15) / complex(math.sin(me[3]), -math.cos(me[3]))
        return way.real, way.imag, abs(way)

    def look(self, me, lidar, seen):
        """Take in what is seen: number of the entity -> kind and place."""
        for number, (kind, place, fresh) in list(self.known.items()):
            forward, _, distance = self.offset(me, place)
            angle = math.atan2(place[1] - me[1] - 0.15, place[0] - me[0] - 0.15) * len(lidar) / (2 * math.pi)
            beside = [lidar[math.floor(angle + i) % len(lidar)] for i in (0, 1)]
            gone = min(beside) > distance + 0.3 and forward >= 0.5 * distance and me[2] <= 0.1
            self.known[number] = kind, place, 0.0 if gone or distance < 0.2 else fresh * 0.95
        self.known |= {number: (kind, place, 1.0) for number, (kind, place) in seen.items() if kind in (0, 2, 3)}

    def told(self, me, kind, count):
        rows = []
        for of, place, fresh in self.known.values():
            forward, left, distance = self.offset(me, place)
            if of == kind and fresh > 0:
                rows.append((fresh / (1 + distance), forward / distance, left / distance, 1 / (1 + distance), fresh))
        best = [row[1:] for row in sorted(rows, reverse=True)[:count]]
        return np.array(best + [(0.0,) * 4] * (count - len(best))).ravel()


def centres(observation, w, a):
    """Places of all entities that are no food, by number."""
    agents, boxes, ramps = observation.agent_qpos_qvel[w, a], observation.box_obs[w, a], observation.ramp_obs[w, a]
    size = SPEC.box_columns.size.start
    half = boxes[:, size : size + 2] / 2
    places = torch.cat([agents[:, :2] + 0.15, boxes[:, :2] + half, ramps[:, :2] + 0.25])
    return places.numpy()


def look(senses, observation, state):
    features = encode(observation, SPEC, sum(sense_widths(senses, SPEC).values()))
    perceive(senses, SPEC, observation, features, 0, state)
    return features, features.self_features[..., NUM_SELF + num_sectors(SPEC) :]


def on_the_floor(observation):
    me = observation.observation_self.clone()
    me[::2, :, 2] = 0.0
    return replace(observation, observation_self=me)


@pytest.mark.parametrize("count", [1, 2])
def test_what_was_last_seen_is_what_a_slow_oracle_remembers(random_observation, count):
    senses, agents = Senses(last_seen=count), {place: PlainAgent() for place in np.ndindex(10, 4)}
    state = np.zeros((10, 4, num_sense_cells(senses, SPEC)), np.float32)
    old = 0
    for step in range(6):
        observation = on_the_floor(random_observation(SPEC, 10, seed=step, visible=0.3))
        features, told = look(senses, observation, state)
        for (w, a), agent in agents.items():
            me, places = observation.observation_self[w, a].numpy(), centres(observation, w, a)
            types = features.entity_types[w, a][: len(places)]
            agent.look(me, observation.lidar[w, a, :, 0].numpy(), {
                k: (kind, places[k]) for k, kind in enumerate(types) if kind not in (HIDDEN, MATE)
            })  # fmt: skip
            expected = np.concatenate([agent.told(me, kind, count) for kind in (OPPONENT, BOX, RAMP)])
            np.testing.assert_allclose(told[w, a], expected, rtol=1e-4, atol=1e-4)
            old += ((expected.reshape(-1, 4)[:, 3] > 0) & (expected.reshape(-1, 4)[:, 3] < 0.9)).sum()
    assert old > 20


@pytest.mark.parametrize("count", [1, 2])
def test_the_nearest_in_sight_are_told_as_entities_are(random_observation, count):
    senses, observation = Senses(nearest=count), random_observation(SPEC, 10)
    features, told = look(senses, observation, np.zeros((10, 4, 0), np.float32))
    widths = {"opponents": 8, "boxes": 13, "ramps": 11, "food": 5}
    for w, a in np.ndindex(10, 4):
        at = 0
        for name, kind in KINDS.items():
            rows = features.entity_features[w, a][features.entity_types[w, a] == kind][:, : widths[name]]
            nearest = rows[np.argsort(-rows[:, 2])][:count]
            for n in range(count):
                expected = [1, *nearest[n]] if n < len(nearest) else [0] * (1 + widths[name])
                assert told[w, a, at : at + len(expected)].tolist() == expected
                at += len(expected)
        assert at == told.shape[2]


def team_of(spec, num_worlds=3, **options):
    policy = build_policy(SmallPolicyConfig(hidden_size=4, **options), spec)
    weights = torch.randn(num_worlds, 1, policy.num_params, generator=torch.Generator().manual_seed(0))
    return policy.bind(weights, spec.num_hiders)


@pytest.mark.parametrize("name", ["mlp", "attention"])
def test_without_senses_a_network_is_as_it_was_and_each_adds_its_columns(make_spec, name):
    plain = build_policy(SmallPolicyConfig(network=name), make_spec())
    assert (plain.num_params, plain.layout.width) == ({"mlp": 3301, "attention": 8453}[name], 0)
    for sense, count in (("openings", 5), ("doors", 5), ("last_seen", 12), ("nearest", 30)):
        policy = build_policy(SmallPolicyConfig(network=name, **{sense: 1}), make_spec())
        assert policy.num_params == plain.num_params + 32 * count
        assert list(policy.graph.nodes)[1] == sense.replace("_", " ")


def test_a_network_has_the_same_parameters_however_many_entities_there_are(make_spec):
    sizes = {build_policy(SmallPolicyConfig(**ALL), make_spec(n, 1, n, n)).num_params for n in (1, 2, 3)}
    assert len(sizes) == 1


def test_memory_is_blank_at_the_start_and_is_the_last_part_of_an_agents_row(make_spec, random_observation):
    spec = make_spec()
    team = team_of(spec, gru_size=3, lock_latch=0.2, **ALL)
    layout, state = team.policy.layout, team.initial_state(torch.arange(3))
    assert not state.any()
    assert layout.width - layout.senses == num_sense_cells(Senses(**ALL), spec) > 0
    view = random_observation(spec, 3).of(slice(0, spec.num_hiders))
    known = team.look(view, state)[1]
    assert not known[..., : layout.senses].any()
    assert known[..., layout.senses :].any()
    assert not state.any()


def test_an_episode_that_branches_goes_on_as_each_would_have_alone(make_spec, random_observation):
    spec = make_spec()
    team = team_of(spec, 1, **ALL)
    views = [random_observation(spec, 1, seed=k).of(slice(0, 2)) for k in range(6)]
    state = team.initial_state(torch.arange(1))
    for view in views[:3]:
        _, state = team.act(view, state)
    both = team.policy.bind(torch.from_numpy(team.params).expand(2, -1, -1), 2)
    twice, pair = state[[0, 0]], views[3]
    pair = type(pair)(**{name: value[[0, 0]] for name, value in vars(pair).items()})
    _, alone = team.act(views[3], state)
    _, after = both.act(pair, twice)
    assert torch.equal(after, alone[[0, 0]])


def test_without_lidar_there_are_neither_openings_nor_doors(make_spec):
    spec = make_spec(num_rays=0)
    assert sense_widths(Senses(**ALL), spec).keys() == {"last seen", "nearest"}
    assert num_sense_cells(Senses(doors=2), spec) == 0


@pytest.mark.parametrize("sense", ALL)
def test_a_wrong_number_of_a_sense_is_refused(sense):
    with pytest.raises(ValidationError, match=sense):
        SmallPolicyConfig.model_validate({sense: 5})
    with pytest.raises(ValidationError, match=sense):
        SmallPolicyConfig.model_validate({sense: -1})


def test_the_papers_network_has_no_senses_of_this_kind():
    with pytest.raises(Exception, match=r"policy\.doors.*(mlp|attention|entity)"):
        load_experiment("quadrant", ["policy.network=entity", "policy.doors=2"])
