package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Draws the small curves of docs/families.md, one picture for each schedule of other libraries. */
public final class DrawFamilies {

  /** One of each, by its type, with numbers that show its character in 400 steps. */
  static final Map<String, Map<String, Object>> KEYWORDS = new LinkedHashMap<>();

  static {
    String warmup = "num_warmup_steps";
    String total = "num_training_steps";
    add("huggingface.constant");
    add("huggingface.constant_with_warmup", warmup, 80);
    add("huggingface.linear", warmup, 60, total, 400);
    add("huggingface.cosine", warmup, 60, total, 400);
    add("huggingface.cosine_with_restarts", warmup, 60, total, 400, "num_cycles", 3);
    add("huggingface.polynomial", warmup, 60, total, 400, "power", 2);
    add("huggingface.inverse_sqrt", warmup, 40);
    add("huggingface.cosine_with_min_lr", warmup, 60, total, 400, "min_lr_rate", 0.2);
    add(
        "huggingface.cosine_warmup_with_min_lr",
        warmup,
        60,
        total,
        400,
        "min_lr_rate",
        0.2,
        "warmup_lr_rate",
        0.4);
    add("huggingface.warmup_stable_decay", warmup, 60, total, 400, "num_decay_steps", 150);
    add("huggingface.reduce_lr_on_plateau", "factor", 0.4, "patience", 50);
    add("huggingface.greedy", "factor", 0.7, "patience", 40);

    add(
        "timm.CosineLRScheduler",
        "t_initial",
        100,
        "cycle_limit",
        4,
        "cycle_decay",
        0.7,
        "warmup_t",
        40);
    add("timm.TanhLRScheduler", "t_initial", 380, "warmup_t", 40, "warmup_prefix", true);
    add("timm.PolyLRScheduler", "t_initial", 400, "power", 1, "noise_range_t", List.of(150, 300));
    add("timm.StepLRScheduler", "decay_t", 90, "decay_rate", 0.5, "warmup_t", 40);
    add("timm.MultiStepLRScheduler", "decay_t", List.of(150, 250, 300), "decay_rate", 0.4);
    add("timm.PlateauLRScheduler", "mode", "min", "decay_rate", 0.4, "patience_t", 40);
    add("timm.create_scheduler_v2", "num_epochs", 360, "warmup_epochs", 40, "min_lr", 0.1);

    add("torchtitan.lr_scheduler", "training_steps", 400, "warmup_steps", 50, "decay_ratio", 0.4);
    String iterations = "n_iterations";
    add(
        "epfl.wsd_schedule",
        iterations,
        400,
        "n_warmup",
        40,
        "fract_decay",
        0.4,
        "decay_type",
        "sqrt");
    add(
        "epfl.cos_inf_schedule",
        iterations,
        400,
        "n_warmup",
        40,
        "div_factor",
        25,
        "final_div_factor",
        0.2,
        "n_inf",
        80);
    add("epfl.one_cycle", "lr", 1, "iterations", 400, "warmup_steps", 60);
    add(
        "nanogpt.get_lr",
        "learning_rate",
        1,
        "warmup_iters",
        50,
        "lr_decay_iters",
        350,
        "min_lr",
        0.1);
    add(
        "torchvision.lr_scheduler",
        "lr_scheduler",
        "cosineannealinglr",
        "epochs",
        400,
        "lr_warmup_epochs",
        50,
        "lr_warmup_method",
        "linear");

    add("fastai.fit_one_cycle", "n_epoch", 4, "n_iter", 100);
    add("fastai.fit_flat_cos", "n_epoch", 4, "n_iter", 100);
    add("fastai.fit_sgdr", "n_cycles", 3, "cycle_len", 1, "n_iter", 57);
    add("fastai.SchedLin", "start", 1, "end", 0.1, "n_iter", 400);
    add("fastai.SchedCos", "start", 1, "end", 0.1, "n_iter", 400);
    add("fastai.SchedNo", "start", 0.7, "end", 0.1, "n_iter", 400);
    add("fastai.SchedExp", "start", 1, "end", 0.01, "n_iter", 400);
    add("fastai.SchedPoly", "start", 0.1, "end", 1, "power", 3, "n_iter", 400);
    add("fastai.combined_cos", "pct", 0.3, "start", 0.2, "middle", 1, "end", 0.1, "n_iter", 400);
    add(
        "fastai.combine_scheds",
        "pcts",
        List.of(0.3, 0.7),
        "scheds",
        List.of(
            Map.of("type", "fastai.SchedLin", "start", 0.1, "end", 1),
            Map.of("type", "fastai.SchedExp", "start", 1, "end", 0.05)),
        "n_iter",
        400);

    String initial = "initial_learning_rate";
    add("keras.ExponentialDecay", initial, 1, "decay_steps", 100, "decay_rate", 0.5);
    add(
        "keras.PiecewiseConstantDecay",
        "boundaries",
        List.of(120, 280),
        "values",
        List.of(1, 0.5, 0.1));
    add("keras.PolynomialDecay", initial, 1, "decay_steps", 130, "cycle", true);
    add("keras.InverseTimeDecay", initial, 1, "decay_steps", 50, "decay_rate", 0.5);
    add(
        "keras.CosineDecay",
        initial,
        0.1,
        "decay_steps",
        330,
        "warmup_target",
        1,
        "warmup_steps",
        60);
    add("keras.CosineDecayRestarts", initial, 1, "first_decay_steps", 60, "m_mul", 0.8);

    String steps = "transition_steps";
    String init = "init_value";
    String peak = "peak_value";
    add("optax.constant_schedule", "value", 0.7);
    add("optax.linear_schedule", init, 1, "end_value", 0.1, steps, 250, "transition_begin", 80);
    add("optax.polynomial_schedule", init, 1, "end_value", 0.1, "power", 2, steps, 350);
    Map<String, Object> scales = Map.of("120", 0.5, "280", 0.3);
    add("optax.piecewise_constant_schedule", init, 1, "boundaries_and_scales", scales);
    add("optax.exponential_decay", init, 1, steps, 80, "decay_rate", 0.5, "staircase", true);
    add("optax.cosine_decay_schedule", init, 1, "decay_steps", 350, "alpha", 0.1);
    add(
        "optax.piecewise_interpolate_schedule",
        "interpolate_type",
        "linear",
        init,
        1,
        "boundaries_and_scales",
        scales);
    add("optax.linear_onecycle_schedule", steps, 400, peak, 1);
    add("optax.cosine_onecycle_schedule", steps, 400, peak, 1);
    add("optax.warmup_constant_schedule", init, 0, peak, 0.9, "warmup_steps", 100);
    add(
        "optax.warmup_cosine_decay_schedule",
        init,
        0,
        peak,
        1,
        "warmup_steps",
        60,
        "decay_steps",
        380);
    add(
        "optax.warmup_exponential_decay_schedule",
        init,
        0,
        peak,
        1,
        "warmup_steps",
        60,
        steps,
        100,
        "decay_rate",
        0.5);
    add(
        "optax.sgdr_schedule",
        "cosine_kwargs",
        List.of(
            Map.of(init, 0, peak, 1, "warmup_steps", 20, "decay_steps", 130),
            Map.of(init, 0, peak, 0.7, "warmup_steps", 20, "decay_steps", 260)));
    add(
        "optax.join_schedules",
        "schedules",
        List.of(
            Map.of("type", "optax.linear_schedule", init, 0, "end_value", 1, steps, 80),
            Map.of("type", "optax.constant_schedule", "value", 1),
            Map.of("type", "optax.cosine_decay_schedule", init, 1, "decay_steps", 200)),
        "boundaries",
        List.of(80, 200));

    String max = "max_duration";
    String length = "dataloader_len";
    add("composer.StepScheduler", "step_size", "1ep", "gamma", 0.6, max, "4ep", length, 100);
    add("composer.MultiStepScheduler", "milestones", List.of("0.5dur", "300ba"), max, "400ba");
    add("composer.ConstantScheduler", "alpha", 0.4, "t_max", "0.6dur", max, "400ba");
    add("composer.LinearScheduler", "alpha_f", 0.1, "t_max", "0.8dur", max, "400ba");
    add("composer.ExponentialScheduler", "gamma", 0.6, max, "4ep", length, 100);
    add("composer.CosineAnnealingScheduler", "alpha_f", 0.1, max, "4ep", length, 100);
    add(
        "composer.CosineAnnealingWarmRestartsScheduler",
        "t_0",
        "0.15dur",
        "t_mult",
        2,
        max,
        "400ba");
    add("composer.PolynomialScheduler", "power", 2, max, "400ba");
    add(
        "composer.MultiStepWithWarmupScheduler",
        "t_warmup",
        "60ba",
        "milestones",
        List.of("0.5dur", "300ba"),
        max,
        "400ba");
    add("composer.ConstantWithWarmupScheduler", "t_warmup", "100ba", "alpha", 0.8, max, "400ba");
    add("composer.LinearWithWarmupScheduler", "t_warmup", "60ba", "alpha_f", 0.1, max, "400ba");
    add("composer.CosineAnnealingWithWarmupScheduler", "t_warmup", "60ba", max, "400ba");
    add("composer.PolynomialWithWarmupScheduler", "t_warmup", "60ba", max, "400ba");

    add("pix2pix.get_scheduler", "n_epochs", 200, "n_epochs_decay", 199);
    add("yolov5.lf", "epochs", 400, "lrf", 0.1, "cos_lr", true);
    add("yolov5.train", "epochs", 10, "batches_per_epoch", 40, "lrf", 0.1, "warmup_bias_lr", 1.0);

    add("pytorch_optimizer.REXScheduler", "total_steps", 400);
    add(
        "pytorch_optimizer.get_wsd_schedule",
        warmup,
        60,
        "num_stable_steps",
        190,
        "num_decay_steps",
        150);
    add("pytorch_optimizer.LinearScheduler", "t_max", 400, "max_lr", 1, "warmup_steps", 60);
    add("pytorch_optimizer.CosineScheduler", "t_max", 400, "max_lr", 1, "warmup_steps", 60);
    add("pytorch_optimizer.PolyScheduler", "t_max", 400, "max_lr", 0.05, "warmup_steps", 60);
    add("pytorch_optimizer.ExponentialScheduler", "t_max", 400, "max_lr", 1, "warmup_steps", 60);
    add("pytorch_optimizer.get_chebyshev_schedule", "num_epochs", 60);

    add("papers.noam", "d_model", 4, "warmup_steps", 60, "factor", 15);
    add("papers.sgdr", "lr", 1, "Te", 5, "multFactor", 2, "batches_per_epoch", 12);
    add("papers.swa", "lr_init", 1, "swa", true, "swa_start", 300, "swa_lr", 0.2);
    add("papers.edm2", "ref_lr", 1, "batch_size", 1, "ref_batches", 80, "rampup_Mimg", 4e-5);
    add("papers.super_convergence", "max_lr", 1, "stepsize", 200);
  }

  private DrawFamilies() {}

  private static void add(String type, Object... keysAndValues) {
    Map<String, Object> keywords = new LinkedHashMap<>();
    keywords.put("type", type);
    for (int i = 0; i < keysAndValues.length; i += 2) {
      keywords.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    KEYWORDS.put(type, keywords);
  }

  /**
   * Draws all curves.
   *
   * @param args the folder to write to; {@code docs/families} if there is none
   * @throws IOException if a picture cannot be written
   */
  public static void main(String[] args) throws IOException {
    System.setProperty("java.awt.headless", "true");
    Path folder = Files.createDirectories(Path.of(args.length > 0 ? args[0] : "docs/families"));
    for (Map.Entry<String, Map<String, Object>> entry : KEYWORDS.entrySet()) {
      String type = entry.getKey();
      // Its factors are up to 20; the others' up to 1.
      double lr = type.endsWith("chebyshev_schedule") ? 0.05 : 1;
      List<Double> groups = type.equals("yolov5.train") ? List.of(lr, lr, lr) : List.of(lr);
      DrawCurves.draw(Schedule.fromMap(entry.getValue()), groups, folder.resolve(type + ".png"));
    }
  }
}
