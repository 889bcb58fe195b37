"""What sources with a floor do to a fit: what they can't see is neither short halts that were none nor quiet years."""

import numpy as np
import pandas as pd
import pytest

from pricing_models.bodies import BODIES
from pricing_models.cells import year_start
from pricing_models.duration import DurationPrior, bounds, fit
from pricing_models.experience import Experience
from pricing_models.model import ModelSettings, record, restored
from pricing_models.model import fit as fit_model
from pricing_models.scoring import Seen, body_nodes
from tests.simulated_history import history

HOUR = 3600.0
AS_OF = year_start(2024)


def experience(lengths: np.ndarray, floor: float) -> Experience:
    frame = pd.DataFrame(
        {
            "subject_id": "a",
            "kind": "l1",
            "event_id": [f"e{i:04d}" for i in range(lengths.size)],
            "start": 0.0,
            "low": lengths,
            "high": lengths,
            "floor": floor,
            "status": "exact",
        }
    )
    return Experience(pd.DataFrame(), frame, 0.0, 0.0)


@pytest.mark.parametrize("name", ["lognormal", "loglogistic", "loglogistic+gpd"])
def test_the_law_of_all_lengths_is_found_from_those_beyond_the_floor(name):
    body = BODIES[name.removesuffix("+gpd")]
    z = body.quantile(np.random.default_rng(3).uniform(size=3000), np.ones(1))
    lengths = np.round(np.exp(np.log(1.5 * HOUR) + 1.1 * z)) + 0.5  # no whole hours: good to half a minute
    seen = lengths[lengths > HOUR]
    prior = DurationPrior(bodies=(name,), group_min_known=10**6)
    law = fit(experience(seen, HOUR), prior).posterior("l1")
    assert law.quantile(0.5) == pytest.approx(1.5 * HOUR, rel=0.15)
    assert law.sf(np.array([HOUR]))[0] == pytest.approx(seen.size / lengths.size, abs=0.04)
    # as if every halt could have been seen, half of them are taken to be twice as long
    assert fit(experience(seen, 0.0), prior).posterior("l1").quantile(0.5) > 2.2 * HOUR


def test_candidates_are_scored_on_what_could_be_seen_of_the_lengths():
    """Given that a length lies beyond the floor its log density is larger by -log S(floor)."""
    z = np.random.default_rng(4).normal(size=800)
    lengths = np.round(np.exp(np.log(2 * HOUR) + z)) + 0.5
    seen = lengths[lengths > 2 * HOUR]
    prior = DurationPrior(bodies=("lognormal",), points=15)
    scores = [fit(experience(seen, floor), prior).scores.at["lognormal", "log_score"] for floor in (0.0, 2 * HOUR)]
    assert scores[1] > scores[0] + 0.1


def test_a_long_thin_posterior_is_found_with_more_points():
    """Half of the lengths cut off leave a Weibull's scale and shape hardly told apart."""
    z = np.random.default_rng(4).normal(size=800)
    lengths = np.round(np.exp(np.log(2 * HOUR) + z)) + 0.5
    known = Seen.of(bounds(experience(lengths[lengths > 2 * HOUR], 2 * HOUR).durations, "drop"))
    nodes = body_nodes(BODIES["weibull"], known, DurationPrior(), 51)
    assert nodes.mu.std() > 0.3
    assert nodes.weights.sum() == pytest.approx(1.0)


def test_the_rate_of_all_halts_is_found_from_those_beyond_the_floor():
    subjects, outages = history(5, 60, years=5, mean=2.0)
    blind = subjects.assign(floor_seconds=2 * HOUR)
    settings = ModelSettings(duration=DurationPrior(bodies=("lognormal",)))  # as they were drawn: nobody saw below it
    whole, part = (fit_model(table, outages, AS_OF, settings) for table in (subjects, blind))
    halts = [int(model.experience.subjects["halts"].sum()) for model in (whole, part)]
    assert halts[1] < 0.75 * halts[0]
    means = [model.rate("new", kind="l1").mean for model in (whole, part)]
    assert means[1] == pytest.approx(means[0], rel=0.15)
    told = outages[outages["high_seconds"] > 2 * HOUR]
    assert fit_model(subjects, told, AS_OF).rate("new", kind="l1").mean < 0.8 * means[0]


def test_a_fit_with_floors_comes_back_from_its_record():
    subjects, outages = history(31, 12)
    model = fit_model(subjects.assign(floor_seconds=HOUR), outages, AS_OF)
    again = restored(record(model), model.version)
    assert again.experience.subjects["detected"].tolist() == pytest.approx(
        model.experience.subjects["detected"].tolist()
    )
    assert again.rate("s003").mean == pytest.approx(model.rate("s003").mean)
    assert again.experience.tally.equals(model.experience.tally)
