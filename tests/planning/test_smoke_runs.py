"""Networks of one side, settings that do not fit an architecture: refused by the plan, and what its mend comes to."""

import plan_matrix
import pytest
import smoke_runs
import timm
from plan_matrix import Combination


@pytest.mark.seconds
def test_a_network_of_one_side_ends_at_the_side_that_its_refusal_names(with_synth):
    one = Combination("smoke", "test_coatnet", "random", "saliency", "frozen", "")
    assert smoke_runs.run(one, with_synth) == ("done", "saliency.side=160")


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("backbone", "task", "protocol", "setting", "words"),
    [
        (
            "ghostnet_050",
            "saliency",
            "finetune",
            ("saliency.drop_path", "0.1"),
            "has no residual branches",
        ),
        ("test_resnet", "detection", "frozen", ("detection.pyramid", "simple"), "pyramid=simple makes a pyramid of a"),
        ("test_vit", "segmentation", "linear", ("segmentation.pyramid", "simple"), "linear@1 is one linear layer"),
        ("test_resnet", "reid", "frozen", ("backbone.last_blocks", "4"), "no class token in each of its blocks"),
        ("test_vit", "reid", "frozen", ("backbone.last_blocks", "4"), "set backbone.readout to cls or cls+mean"),
    ],
)
def test_a_setting_that_does_not_fit_the_network_is_refused_by_the_plan(
    with_synth, backbone, task, protocol, setting, words
):
    one = Combination("smoke", backbone, "random", task, protocol, "")
    said = plan_matrix.outcome(one, with_synth, sets=(setting,))
    assert said.startswith("refused: ")
    assert words in said
    assert "\n" not in said


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("task", "protocol", "settings"),
    [
        ("detection", "frozen", (("detection.pyramid", "simple"),)),
        ("segmentation", "finetune", (("segmentation.pyramid", "simple"), ("segmentation.pyramid_width", "16"))),
        ("saliency", "finetune", (("saliency.layer_decay", "0.75"), ("saliency.drop_path", "0.2"))),
        ("classification", "logistic", (("backbone.readout", "cls+mean"), ("backbone.last_blocks", "4"))),
    ],
)
def test_runs_with_the_settings_of_transformers_end(with_synth, task, protocol, settings):
    one = Combination("smoke", "test_vit", "random", task, protocol, "")
    assert plan_matrix.outcome(one, with_synth, sets=settings) == "done"


def test_the_families_are_timm_s():
    assert set(smoke_runs.FAMILIES.values()) <= set(timm.list_models())
    assert len(smoke_runs.FAMILIES) >= 12
