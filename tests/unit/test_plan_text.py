"""The plan as a person reads it."""

from advxai import plan
from advxai.plan.found import Held
from advxai.plan.table import duration, number, table
from advxai.run.paths import Paths
from tests.unit.plan_data import demo, ffpp, manifest, text


def test_numbers_and_times_are_short():
    assert [number(value) for value in (0, 9_999_999, 12_345_678)] == ["0", "9,999,999", "12.3 M"]
    assert [number(value) for value in (999_940_000, 999_960_000, 1_551_800_000)] == ["999.9 M", "1,000 M", "1,552 M"]
    times = [duration(value) for value in (0.9, 8, 100, 3 * 3600, 3 * 86400)]
    assert times == ["<1 s", "~8 s", "~2 min", "~3.0 h", "~3.0 d"]


def test_a_table_s_lines():
    found = [
        plan.Row("corpus", "", "videos", 12, 12),
        plan.Row("adversary", "", "images", 20, 5, 1500, 3000, 2_000_000, 30.0, 60.0),
        plan.Row("saliency", "A_name_that_is_much_too_long", "images", 20, 0, 400, 400, 900, 8.0, 8.0),
        plan.Row("saliency", "Own", "images", 20, 0, None, None, 900, None, None),
        plan.Row("saliency", "Done", "images", 20, 20, 0, 0, 0, 0.0, 0.0),
    ]
    lines = table(found, exact=True)
    cells = [line.split() for line in lines]
    assert cells[2] == "corpus 12 videos 12 - - - - -".split()
    assert cells[3] == "adversary 20 images 5 ~1,500 3,000 ~2.0 MB ~30 s ~60 s".split()
    assert cells[4] == ["saliency", "images"] and len(lines[4]) == 30 + 9
    assert (
        lines[5].startswith("  A_name_that_is_much_too_long ")
        and cells[5][1:] == "20 0 400 400 <1 kB ~8 s ~8 s".split()
    )
    assert cells[6] == "Own 20 0 ? ? <1 kB ? ?".split()
    assert cells[7] == "Done 20 20 - - - - -".split()
    assert cells[9] == "total ~1,900+? 3,400+? ~2.0 MB ~38 s+? ~68 s+?".split()
    assert lines[10] == "?: not known. +?: what the rows with ? take comes on top." and len(lines) == 11
    assert not any("?" in line for line in table([*found[:3], found[4]], exact=True))
    estimated = [line.split() for line in table(found, exact=False)]
    assert estimated[2][1] == "12" and estimated[3][1] == "~20" and estimated[5][3] == "~400"


def test_the_first_column_is_as_wide_as_the_longest_name_within_reason():
    def lines(name: str) -> list[str]:
        return table([plan.Row("saliency", name, "images", 20, 20, 0, 0, 0, 0.0, 0.0)], exact=True)

    wide, longer = lines("random_quickshift_uniformly_2"), lines("x" * 30 + "_and_y" * 10)
    assert lines("LIME")[1] == lines("oracle_mask_quickshift_unit")[1] == "-" * 100 and wide[1] == "-" * 102
    assert (
        wide[3].startswith("  random_quickshift_uniformly_2       20      20") and len(wide[3]) == len(wide[0]) == 102
    )
    assert longer[3].startswith(f"  {'x' * 27}…") and longer[3][40:].startswith("       20      20")
    assert longer[1] == "-" * 111


def test_the_whole_text():
    said = text(ffpp(shards=32), 100.0, absent="config: this is missing:\n  - corpus.root: " + "x " * 200)
    assert max(map(len, said.splitlines())) <= 100
    flat = " ".join(said.split())
    assert "~5,600 to explain, of 560 fake test videos with at most 10 each; ~16,100 test images to classify" in flat
    assert (
        "100 images a second in one process: tf_efficientnetv2_b0 at 224 px, forward batch 64, torch, threads 1" in flat
    )
    # evaluation, the longest, takes 5,600 * 12,153 / 100 s, 189.05 hours; the adversary is the shortest
    assert "Proposal: `shards: 190`; a job then takes ~9 min to ~60 min." in flat
    # 5,600 * (1,864 + 20,232 + 97,224 + 8 * 16) + 16,100 forwards; the last 8 * 16 one after the other
    assert "One process needs ~77.4 d, 16 at once (--cores 16) need ~4.9 d" in flat
    assert "expected are 23 NES iterations an image" in flat and "no attack is in the store" in flat
    assert "too little" in flat  # 1 GB is free
    assert "corpus.root" in flat


def test_what_a_recipe_sets_is_said_where_a_detector_is_trained():
    def said(**training) -> str:
        flat = " ".join(text(ffpp(detector={"training": training}), "no speed").split())
        return flat.partition("trained ")[2].partition(" speed ")[0]

    assert said(recipe="pino", epochs=7, balance="frames") == (
        "recipe pino: epochs 7, optimiser adam, learning_rate 1e-05, schedule plateau, weight_decay 0.0, augmentations "
        "dfdc, patience 5"
    )
    assert said() == "no recipe: all keys at their defaults"
    assert said(categories=["Deepfakes", "FaceSwap"], initial_weights={"path": "b0.pth"}) == (
        "no recipe: categories Deepfakes+FaceSwap, initial_weights b0.pth"
    )
    assert "trained " not in text(ffpp(), "no speed").partition("stage")[0]  # it has a checkpoint


def test_without_a_measurement_there_are_no_times():
    said = text(ffpp(), "detector.device: no CUDA device is usable here")
    assert "not measured, so there are no times: detector.device: no CUDA device" in " ".join(said.split())
    assert "Proposal" not in said
    assert "No number of shards is proposed: that goes by the jobs' times, and none is known." in said
    line = next(line for line in said.splitlines() if line.startswith("adversary"))
    assert line.split()[-2:] == ["?", "?"]
    assert next(line for line in said.splitlines() if line.startswith("total")).split()[-2:] == ["?", "?"]


def test_what_has_no_time_yet_is_in_none_of_the_sums():
    """Of 5,600 images and nothing else: LIME and its attacks."""
    rows = {"LIME": {"method": "lime", "baseline": "zeros"}}
    own = {"Own": {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"}}
    known, unknown = (
        " ".join(text(ffpp(explainers=one, metrics={}), 1e4, cores=1).split()) for one in (rows, rows | own)
    )
    # (2,001 + 3 * 4,051) * 5,600 and 16,100 test images; those of Own besides, but for its maps
    assert "One process needs ~2.2 h;" in known and "One process needs ~4.1 h+?;" in unknown


def test_one_process_is_told_how_to_ask_for_more():
    assert "--cores N --resources gpu=N" in text(ffpp(detector={"device": "cuda"}), 100.0)
    assert "`--cores N`" in text(ffpp(), 100.0, cores=1)


def test_a_gpu_s_forwards_are_described_by_what_decides_how_fast_they_are():
    detector = {"device": "cuda", "forward_batch": 512, "precision": "tf32", "layout": "contiguous"}
    flat = " ".join(text(ffpp(detector=detector), 100.0).split())
    assert "forward batch 512, torch, tf32, contiguous, 64 images in work at once, random weights; a CPU" in flat
    assert "for hours to count on set `plan.rate` to what `make gpu` measures for NES" in flat
    told = " ".join(text(ffpp(detector=detector, plan={"rate": 100}), 100.0).split())
    assert "raw forwards, which `make tune` measures: `plan.rate` should be what `make gpu` measures for NES" in told
    assert "The rates there are of batches of 512, here it is 64." not in told
    small = " ".join(text(ffpp(detector=detector | {"forward_batch": 64}), 100.0).split())
    assert "(docs/speed.md). The rates there are of batches of 512, here it is 64." in small
    other = " ".join(text(ffpp(detector=detector | {"cudnn_benchmark": True}, images_at_once=9), 100.0).split())
    assert "contiguous, cudnn_benchmark, 9 images in work at once" in other
    assert "make gpu" not in text(ffpp(), 100.0)


def test_a_training_without_images_is_said(tmp_path):
    listed = tmp_path / "list.csv"
    listed.write_text(
        "relative_path bin_label mc_label\nmanipulated_sequences/Deepfakes/c23/videos/0_1.mp4/1.png 1 3\n"
    )
    assert "no image to train on" in text(ffpp(detector={}, frames={"manifest": str(listed)}), 100.0)


def test_a_finished_run_has_no_jobs_left(tmp_path):
    config = demo(tmp_path)
    manifest(config)
    population = plan.population(Paths(config, planning=True))
    done = Held(population.images)
    held = dict.fromkeys(config.explainers, done)
    store = plan.Store(
        clips=frozenset(["one"]),
        videos=99,
        database=True,
        detector=True,
        predictions=Held(population.tested),
        adversary=done,
        saliency=held,
        evaluation=held,
        metrics=held,
    )
    found = plan.rows(config, population, store, 100.0)
    assert all(row.missing == 0 and not row.forwards and not row.bytes for row in found)
    speed = plan.Speed(100.0, "a CPU", "the run's weights")
    said = plan.report(config, population, store, found, speed, cores=1, free=1)
    assert "No job with many forwards is left." in said
    assert "\n- " not in said  # nothing rests on an assumption


def test_what_white_boxes_take_is_said_where_there_are_some():
    rows = {
        "IG": {"method": "integrated_gradients", "baseline": "zeros", "gradient_batch": 16},
        "Cam": {"method": "gradcam"},
    }
    flat = " ".join(text(ffpp(explainers=rows), 100.0).split())
    said = "Backwards (images back through the detector, for gradients): IG ~280,000, Cam ~5,600. In the times each "
    assert f"{said}counts as 2 forwards of torch's module, which computes the forwards of these rows too. " in flat
    other = " ".join(text(ffpp(explainers=rows, detector={"backend": "openvino"}), 100.0).split())
    assert (
        "the forwards of these rows too; a forward of the module counts as 1.4 of openvino's. That is estimated"
        in other
    )
    inductor = " ".join(text(ffpp(explainers=rows, detector={"backend": "inductor"}), 100.0).split())
    assert "a forward of the module counts as 1.1 of inductor's" in inductor
    assert "That is estimated, and rather low" in flat and "here of up to 64 images" in flat
    assert "Backwards" not in text(ffpp(), 100.0)


def test_what_attention_between_channels_tokens_takes_is_said():
    def said(**network) -> str:
        detector = {"model": "efficientnet_vit", "network": network, "threshold": 0.5}
        row = {"R": {"method": "relevancy", "gradient_batch": 16}}
        return " ".join(text(ffpp(explainers=row, detector=detector), 100.0).split())

    # 4 bytes * 8 heads * 1,025^2, twice, 16 images, 6 or 2 blocks
    begun = "of up to 16 images and their attention: ~33.6 MB an image and block between 1,025 tokens, and as much for "
    assert f"{begun}its gradient, ~6.5 GB in 6 blocks: a smaller `gradient_batch` of the row takes less." in said()
    assert f"{begun}its gradient, ~2.2 GB in 2 blocks: a smaller" in said(depth=2)
    assert "EfficientNetV2-B0" in said(tokens="places") and "their attention" not in said(tokens="places")
