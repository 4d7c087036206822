"""From others' names of tensors to ours, by the names alone; that the networks then agree: test_dialect_networks.py."""

import pytest

from advxai.dialects.renaming import renamed, shaped

B4 = "tf_efficientnet_b4"


def named(model: str, *names: str) -> dict[str, str]:
    return renamed(dict.fromkeys(names, (1,)), model)


@pytest.mark.parametrize(
    ("model", "theirs", "own"),
    [
        (B4, "_conv_stem.weight", "conv_stem.weight"),
        (B4, "net._bn0.running_mean", "net._bn0.running_mean"),  # `net.` is taken off before
        (B4, "_bn1.num_batches_tracked", "bn2.num_batches_tracked"),
        (B4, "_fc.bias", "classifier.bias"),
        (B4, "_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),
        (B4, "_blocks.1._project_conv.weight", "blocks.0.1.conv_pw.weight"),
        (B4, "_blocks.2._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
        (B4, "_blocks.9._bn2.running_var", "blocks.2.3.bn3.running_var"),
        (B4, "_blocks.31._se_expand.bias", "blocks.6.1.se.conv_expand.bias"),
        (B4, "_blocks.32._se_expand.bias", "_blocks.32._se_expand.bias"),  # of a larger network
        (B4, "_blocks.x._bn1.weight", "_blocks.x._bn1.weight"),
        (B4, "_blocks.3", "_blocks.3"),
        (B4, "_blocks.3._ghost.weight", "_blocks.3._ghost.weight"),
        (B4, "blocks.0.0.conv_dw.weight", "blocks.0.0.conv_dw.weight"),
        (B4, "something.weight", "something.weight"),
        ("tf_efficientnet_b0", "_blocks.9._bn2.weight", "blocks.4.1.bn3.weight"),
        ("tf_efficientnet_b7.ns_jft_in1k", "encoder.blocks.6.3.bn3.bias", "blocks.6.3.bn3.bias"),
        ("tf_efficientnet_b7_ns", "fc.weight", "classifier.weight"),
        ("deepfakebench_effnb4", "efficientnet._blocks.9._bn2.bias", "blocks.2.3.bn3.bias"),
        ("deepfakebench_effnb4", "last_layer.weight", "classifier.weight"),
        ("icpr_autoatt_b4", "efficientnet.attconv.bias", "blocks.2.attention.conv.bias"),
        ("icpr_autoatt_b4", "efficientnet.attconv.conv0.weight", "attconv.conv0.weight"),  # of a deeper attention
        ("icpr07_autoattst_b4", "feat_ext.efficientnet._bn0.weight", "bn1.weight"),
        ("icpr_st_b4", "classifier.0.running_mean", "classifier.0.running_mean"),
        ("efficientnet_b4", "_fc.bias", "_fc.bias"),  # timm's own EfficientNet pads otherwise
        ("legacy_xception", "last_linear.bias", "fc.bias"),
        ("legacy_xception", "last_linear.1.weight", "fc.weight"),
        ("legacy_xception", "last_linear.2.weight", "last_linear.2.weight"),
        ("legacy_xception", "xception.block1.rep.0.conv1.weight", "block1.rep.0.conv1.weight"),
        ("resnet34", "resnet.1.running_var", "bn1.running_var"),
        ("resnet34", "resnet.7.2.conv1.weight", "layer4.2.conv1.weight"),
        ("resnet34", "resnet.2.weight", "resnet.2.weight"),
        ("resnet34", "fc.bias", "fc.bias"),
        ("deepfakebench_meso4", "conv4.weight", "conv4.weight"),
        ("deepfakebench_mesoinception4", "Incption1_conv1.weight", "inception1.point.weight"),
        ("deepfakebench_mesoinception4", "Incption2_conv3_1.weight", "inception2.reduce2.weight"),
        ("deepfakebench_mesoinception4", "Incption2_bn.running_var", "inception2.norm.running_var"),
        ("deepfakebench_mesoinception4", "Incption3_conv1.weight", "Incption3_conv1.weight"),
        ("deepfakebench_mesoinception4", "bn1.weight", "bn1.weight"),
        ("vit_base_patch16_224", "fc.weight", "fc.weight"),
    ],
)
def test_a_name(model, theirs, own):
    assert named(model, theirs) == {theirs: own}


@pytest.mark.parametrize("model", [B4, "legacy_xception", "resnet34"])
def test_what_nothing_uses_is_left_out(model):
    names = ("adjust_channel.0.weight", "adjust_channel.1.num_batches_tracked", "bn1.weight")
    assert named(model, *names) == {"bn1.weight": "bn1.weight"}
    assert named("meso4", *names) == {name: name for name in names}


def test_the_backbones_own_head_is_left_out_beside_the_detectors():
    own = ("encoder.classifier.weight", "encoder.classifier.bias", "encoder.bn1.weight")
    assert named(B4, *own) == {name: name.removeprefix("encoder.") for name in own}  # the only head there is
    assert named(B4, *own, "fc.weight", "fc.bias") == {
        "encoder.bn1.weight": "bn1.weight",
        "fc.weight": "classifier.weight",
        "fc.bias": "classifier.bias",
    }
    tuned = ("classifier.0.weight", "classifier.1.weight", "classifier.1.bias")
    assert named("icpr_st_b4", "feat_ext.classifier.weight", "feat_ext.classifier.bias", *tuned) == {
        name: name for name in tuned
    }
    assert named("icpr_st_b4", "classifier.weight", "classifier.bias", *tuned) == {name: name for name in tuned}


def test_two_tensors_never_become_one():
    """Whoever loads them then finds one that the network hasn't."""
    assert named(B4, "_fc.weight", "last_layer.weight") == {
        "_fc.weight": "classifier.weight",
        "last_layer.weight": "last_layer.weight",
    }
    assert named(B4, "_bn0.weight", "bn1.weight") == {"_bn0.weight": "_bn0.weight", "bn1.weight": "bn1.weight"}


def test_pointwise_weights_of_old_files():
    assert shaped("block1.rep.0.pointwise.weight", (128, 64)) == (128, 64, 1, 1)
    assert shaped("block1.rep.0.pointwise.weight", (128, 64, 1, 1)) == (128, 64, 1, 1)
    assert shaped("fc.weight", (2, 2048)) == (2, 2048)
